<?php
// What a Joomla site does with an update list, by the rules that its manual and
// its behaviour give: tag names count in upper case, text is taken as it comes
// but for the package's address, an unknown tag counts as stable, a platform's
// pattern is anchored at its start only, and of what is left the highest version
// by version_compare wins. PHP's own XML parser, preg_match and version_compare.
//
//   php joomla.php JOOMLA_VERSION PHP_VERSION DATABASE DATABASE_VERSION STABILITY < list
//
// Prints the chosen entry as JSON, or null.

[, $joomla, $php, $database, $databaseVersion, $stability] = $argv;
$levels = ['dev' => 0, 'alpha' => 1, 'beta' => 2, 'rc' => 3, 'stable' => 4];
$entries = [];
$entry = null;
$path = [];
$parser = xml_parser_create();

xml_set_element_handler(
    $parser,
    function ($parser, $name, $attributes) use (&$entry, &$path) {
        $path[] = $name;
        if ($name === 'UPDATE') {
            $entry = ['client' => 'administrator', 'stability' => 4, 'attributes' => []];
        } elseif ($entry !== null) {
            $entry['attributes'][$name] = $attributes;
        }
    },
    function ($parser, $name) use (&$entry, &$entries, &$path) {
        array_pop($path);
        if ($name === 'UPDATE') {
            $entries[] = $entry;
            $entry = null;
        }
    }
);
xml_set_character_data_handler($parser, function ($parser, $data) use (&$entry, &$path, $levels) {
    $name = end($path);
    if ($entry === null) {
        return;
    }
    if ($name === 'TAG') {
        // White space around it would make it a tag that nobody knows.
        $entry['stability'] = $levels[$data] ?? 4;
    } elseif ($name === 'CLIENT') {
        $entry['client'] = $data;
    } else {
        $entry[strtolower($name)] = ($entry[strtolower($name)] ?? '') . $data;
    }
});
if (!xml_parse($parser, stream_get_contents(STDIN), true)) {
    fwrite(STDERR, xml_error_string(xml_get_error_code($parser)));
    exit(1);
}

$best = null;
foreach ($entries as $entry) {
    $platform = $entry['attributes']['TARGETPLATFORM'] ?? null;
    $fits = $platform !== null
        && $platform['NAME'] === 'joomla'
        && preg_match('/^' . $platform['VERSION'] . '/', $joomla) === 1;
    $databases = $entry['attributes']['SUPPORTED_DATABASES'] ?? null;
    $minimum = $databases[strtoupper($database)] ?? null;
    if (
        !$fits
        || (isset($entry['php_minimum']) && version_compare($php, $entry['php_minimum'], '<'))
        || ($databases !== null
            && ($minimum === null || version_compare($databaseVersion, $minimum, '<')))
        || $entry['stability'] < $levels[$stability]
    ) {
        continue;
    }
    if ($best === null || version_compare($entry['version'], $best['version'], '>')) {
        $best = $entry;
    }
}
if ($best !== null) {
    $best['downloadurl'] = trim($best['downloadurl']);
    unset($best['attributes']['UPDATE']);
}
echo json_encode($best), "\n";
