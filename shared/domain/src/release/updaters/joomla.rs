//! Joomla: one installable package for every site, and what the update server's
//! XML says of it (Joomla manual, "Deploying an Update Server").

use super::{Listed, Members, is_no_higher, text_of};
use crate::release::{Platform, Version};
use crate::slug::Slug;
use serde_json::{Map, Value};
use std::cmp::Ordering;

/// An extension as its update server describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// The name of the installed element.
    pub element: String,
    /// `component`, `module`, `plugin`, `template`, `library`, `package`,
    /// `file` or `language`.
    pub kind: String,
    /// `site` or `administrator`.
    pub client: &'static str,
    /// A plugin's group.
    pub folder: Option<String>,
    /// For people.
    pub name: String,
    /// For people.
    pub description: String,
    /// Where there is more to read.
    pub info_url: Option<String>,
    /// The changelog's XML.
    pub changelog_url: Option<String>,
    /// Who makes it.
    pub maintainer: Option<String>,
    /// Where the maintainer is found.
    pub maintainer_url: Option<String>,
    /// A regular expression for the site's version, matched at its start.
    pub target_platform: String,
    /// The lowest PHP version.
    pub php_minimum: Option<String>,
    /// Databases and the lowest version of each.
    pub supported_databases: Vec<(String, String)>,
}

/// The beginnings of extensions' names, with the kind of each.
const KINDS: [(&str, &str); 9] = [
    ("com_", "component"),
    ("mod_", "module"),
    ("plg_", "plugin"),
    ("tpl_", "template"),
    ("lib_", "library"),
    ("pkg_", "package"),
    ("file_", "file"),
    ("files_", "file"),
    ("lang_", "language"),
];

/// The element that a site has recorded of an extension, which is what it looks for
/// in an update list. A component, a module and a package keep the beginning of their
/// names; the others are recorded without: a template and a library by their own
/// names, a plugin by its name inside its group, files by the name of their manifest,
/// which is `joomla` for `files_joomla`.
fn element_of(kind: &str, name: &str) -> String {
    match kind {
        "component" => format!("com_{name}"),
        "module" => format!("mod_{name}"),
        "package" => format!("pkg_{name}"),
        _ => name.to_owned(),
    }
}

impl Extension {
    /// Reads the member `joomla` of a release's metadata. What is not there
    /// follows from the product: the beginning of its slug tells the kind
    /// (`tpl_demo`; `plg_system_demo` is the plugin `demo` of the group `system`),
    /// and without one of those it is a package, `pkg_demo`.
    ///
    /// A site matches element, type, client and folder with what it has recorded of
    /// its extensions. Joomla takes `administrator` where no client is said, which is
    /// right for components only, so there is always one. Only plugins have a folder.
    #[must_use]
    pub fn of(
        product: &Slug,
        name: &str,
        description: &str,
        metadata: &Map<String, Value>,
    ) -> Self {
        let members = Members::of(metadata, "joomla");
        let slug = product.as_str();
        let by_slug = KINDS
            .iter()
            .find(|(beginning, _)| slug.starts_with(beginning));
        let name_in_slug = by_slug.map_or(slug, |(beginning, _)| &slug[beginning.len()..]);
        let known = |kind: &String| KINDS.iter().any(|(_, known)| known == kind);
        let kind = members
            .text("type")
            .map(|kind| kind.to_ascii_lowercase())
            .filter(known)
            .unwrap_or_else(|| by_slug.map_or("package", |(_, kind)| kind).to_owned());
        let is_plugin = kind == "plugin";
        let plugin = slug
            .strip_prefix("plg_")
            .and_then(|rest| rest.split_once('_'))
            .filter(|_| is_plugin);
        let element = members.text("element").unwrap_or_else(|| match plugin {
            Some((_, element)) => element.to_owned(),
            None => element_of(&kind, name_in_slug),
        });
        let folder = members
            .text("folder")
            .or_else(|| plugin.map(|(folder, _)| folder.to_owned()))
            .filter(|_| is_plugin);
        let client = match members.text("client").as_deref() {
            Some("site" | "0") => "site",
            Some("administrator" | "admin" | "1") => "administrator",
            _ if kind == "component" => "administrator",
            _ => "site",
        };
        Self {
            element,
            kind,
            client,
            folder,
            name: members.text("name").unwrap_or_else(|| name.to_owned()),
            description: members
                .text("description")
                .unwrap_or_else(|| description.to_owned()),
            info_url: members.text("infourl"),
            changelog_url: members.text("changelogurl"),
            maintainer: members.text("maintainer"),
            maintainer_url: members.text("maintainerurl"),
            target_platform: target_platform(members),
            php_minimum: members.text("php_minimum"),
            supported_databases: supported_databases(members),
        }
    }
}

impl Extension {
    /// Whether every site that could install `older` can install this: the same
    /// element, and no higher requirements.
    #[must_use]
    pub fn covers(&self, older: &Self) -> bool {
        fn matched(extension: &Extension) -> (&str, &str, &str, Option<&str>) {
            let folder = extension.folder.as_deref();
            (
                &extension.element,
                &extension.kind,
                extension.client,
                folder,
            )
        }
        let platform = self.target_platform.as_str();
        let has_databases = self.supported_databases.is_empty()
            || !older.supported_databases.is_empty()
                && older.supported_databases.iter().all(|(name, version)| {
                    let mut ours = self.supported_databases.iter();
                    ours.any(|(own, minimum)| {
                        own == name && is_no_higher(Some(minimum), Some(version))
                    })
                });
        matched(self) == matched(older)
            && (platform == ANY_PLATFORM || platform == older.target_platform)
            && is_no_higher(self.php_minimum.as_deref(), older.php_minimum.as_deref())
            && has_databases
    }
}

/// The pattern that every site's version matches.
const ANY_PLATFORM: &str = ".*";

/// Text, or an object with the member `version`. Joomla puts it between slashes
/// without escaping it, so a slash inside gets its backslash here.
fn target_platform(members: Members<'_>) -> String {
    let value = members.get("targetplatform");
    let text = value.and_then(|value| text_of(value.get("version").unwrap_or(value)));
    let text = text.unwrap_or_else(|| ANY_PLATFORM.to_owned());
    let mut pattern = String::with_capacity(text.len());
    let mut escaped = false;
    for c in text.chars() {
        if c == '/' && !escaped {
            pattern.push('\\');
        }
        escaped = c == '\\' && !escaped;
        pattern.push(c);
    }
    pattern
}

fn supported_databases(members: Members<'_>) -> Vec<(String, String)> {
    let Some(databases) = members
        .get("supported_databases")
        .and_then(Value::as_object)
    else {
        return Vec::new();
    };
    databases
        .iter()
        // They become names of attributes.
        .filter(|(name, _)| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase()))
        .filter_map(|(name, version)| Some((name.clone(), text_of(version)?)))
        .collect()
}

/// Compares two versions as Joomla does, which is PHP's `version_compare`.
#[must_use]
pub fn compare(one: &str, two: &str) -> Ordering {
    compare_parts(&parts(one), &parts(two))
}

fn compare_parts(one: &[String], two: &[String]) -> Ordering {
    let number_sign = || vec!["#".to_owned()];
    for (one, two) in one.iter().zip(two) {
        let order = match (number(one), number(two)) {
            (Some(one), Some(two)) => one.cmp(&two),
            // A number stands where `#` does in the order of words.
            (Some(_), None) => rank("#").cmp(&rank(two)),
            (None, Some(_)) => rank(one).cmp(&rank("#")),
            (None, None) => rank(one).cmp(&rank(two)),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    let goes_on = |longer: &[String], shorter: &[String]| {
        let rest = longer
            .get(shorter.len()..)
            .filter(|rest| !rest.is_empty())?;
        Some(match number(&rest[0]) {
            Some(_) => Ordering::Greater,
            None => compare_parts(rest, &number_sign()),
        })
    };
    goes_on(one, two)
        .or_else(|| goes_on(two, one).map(Ordering::reverse))
        .unwrap_or(Ordering::Equal)
}

/// Runs of digits and of letters.
fn parts(version: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let words = version.split(|c: char| !c.is_ascii_alphanumeric());
    for word in words.filter(|word| !word.is_empty()) {
        let mut rest = word;
        while let Some(first) = rest.chars().next() {
            let is_number = first.is_ascii_digit();
            let end = rest.find(|c: char| c.is_ascii_digit() != is_number);
            let (run, behind) = rest.split_at(end.unwrap_or(rest.len()));
            parts.push(run.to_owned());
            rest = behind;
        }
    }
    parts
}

fn number(part: &str) -> Option<u128> {
    part.parse().ok()
}

/// Where a word stands; one that is none of these comes before all of them.
fn rank(word: &str) -> Option<u8> {
    let words = [
        ("dev", 0),
        ("a", 1),
        ("b", 2),
        ("RC", 3),
        ("rc", 3),
        ("#", 4),
        ("p", 5),
    ];
    let mut words = words.into_iter();
    words
        .find(|(beginning, _)| word.starts_with(beginning))
        .map(|(_, rank)| rank)
}

/// The package that is installed: the file for every platform, else the one of
/// its kind `.zip`, else the only one.
#[must_use]
pub fn package(files: &[Listed]) -> Option<&Platform> {
    let named = ["any", "any.zip"].into_iter().find_map(|platform| {
        let file = files.iter().find(|file| file.platform.as_str() == platform);
        file.map(|file| &file.platform)
    });
    named.or(match files {
        [only] => Some(&only.platform),
        _ => None,
    })
}

/// The file in the URL of a package: Joomla tells the kind of archive by the
/// ending.
#[must_use]
pub fn package_name(version: &Version) -> String {
    format!("{version}.zip")
}

#[cfg(test)]
#[path = "joomla_tests.rs"]
mod tests;
