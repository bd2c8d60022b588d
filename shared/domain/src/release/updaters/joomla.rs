//! Joomla: one installable package for every site, and what the update server's
//! XML says of it (Joomla manual, "Deploying an Update Server").

use super::{Listed, Members, text_of};
use crate::release::{Platform, Version};
use crate::slug::Slug;
use serde_json::{Map, Value};

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

/// Every kind of extension, with the beginning of its elements' names.
const KINDS: [(&str, &str); 8] = [
    ("component", "com_"),
    ("module", "mod_"),
    ("plugin", "plg_"),
    ("template", "tpl_"),
    ("library", "lib_"),
    ("package", "pkg_"),
    ("file", "file_"),
    ("language", "lang_"),
];

impl Extension {
    /// Reads the member `joomla` of a release's metadata. What is not there
    /// follows from the product: its slug is taken for the element where it
    /// begins as elements do (`com_demo`; `plg_system_demo` is the plugin `demo`
    /// of the group `system`), else for that of a package, `pkg_demo`.
    ///
    /// Joomla takes `administrator` where no client is said, which is right for
    /// components only, so there is always one.
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
            .find(|(_, beginning)| slug.starts_with(beginning))
            .map(|(kind, _)| *kind);
        let known = |kind: &String| KINDS.iter().any(|(known, _)| known == kind);
        let kind = members
            .text("type")
            .map(|kind| kind.to_ascii_lowercase())
            .filter(known)
            .unwrap_or_else(|| by_slug.unwrap_or("package").to_owned());
        let plugin = slug
            .strip_prefix("plg_")
            .and_then(|rest| rest.split_once('_'));
        let element = members.text("element").unwrap_or_else(|| match plugin {
            Some((_, element)) if kind == "plugin" => element.to_owned(),
            _ if by_slug.is_some() => slug.to_owned(),
            _ => format!("pkg_{slug}"),
        });
        let folder = members.text("folder").or_else(|| {
            let (folder, _) = plugin.filter(|_| kind == "plugin")?;
            Some(folder.to_owned())
        });
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

/// Text, or an object with the member `version`. Joomla puts it between slashes
/// without escaping it, so a slash inside gets its backslash here.
fn target_platform(members: Members<'_>) -> String {
    let value = members.get("targetplatform");
    let text = value.and_then(|value| text_of(value.get("version").unwrap_or(value)));
    let text = text.unwrap_or_else(|| ".*".to_owned());
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
mod tests {
    use super::super::listed;
    use super::*;
    use serde_json::json;

    fn extension(slug: &str, joomla: &Value) -> Extension {
        let metadata = json!({ "joomla": joomla });
        let slug = Slug::parse(slug).expect("a slug");
        Extension::of(
            &slug,
            "Demo",
            "A demo.",
            metadata.as_object().expect("members"),
        )
    }

    #[test]
    fn what_is_not_said_follows_from_the_product() {
        for (slug, element, kind, client, folder) in [
            ("demo", "pkg_demo", "package", "site", None),
            ("com_demo", "com_demo", "component", "administrator", None),
            ("mod_demo", "mod_demo", "module", "site", None),
            ("pkg_demo", "pkg_demo", "package", "site", None),
            ("tpl_demo", "tpl_demo", "template", "site", None),
            ("plg_system_demo", "demo", "plugin", "site", Some("system")),
            ("plg_demo", "plg_demo", "plugin", "site", None),
        ] {
            let found = extension(slug, &json!({}));
            assert_eq!(
                (
                    found.element.as_str(),
                    found.kind.as_str(),
                    found.client,
                    found.folder.as_deref()
                ),
                (element, kind, client, folder),
                "{slug}"
            );
            assert_eq!(
                (found.name.as_str(), found.description.as_str()),
                ("Demo", "A demo.")
            );
            assert_eq!(found.target_platform, ".*");
        }
        assert_eq!(
            extension("demo", &json!("text")),
            extension("demo", &json!({}))
        );
    }

    #[test]
    fn what_is_said_counts() {
        let found = extension(
            "demo",
            &json!({
                "element": " editor\n", "type": "Plugin", "client": 1, "folder": "editors",
                "name": "E", "description": "D", "infourl": "https://a.example/?b&c",
                "targetplatform": "((5\\.[0-9])|(6/))", "php_minimum": "8.3",
                "supported_databases": {"mysql": "8.0", "mariadb": 10, "Bad Name": "1", "x": null},
                "maintainer": "M", "maintainerurl": "https://m.example", "changelogurl": "https://c.example",
            }),
        );
        assert_eq!(
            (
                found.element.as_str(),
                found.kind.as_str(),
                found.client,
                found.folder.as_deref()
            ),
            ("editor", "plugin", "administrator", Some("editors"))
        );
        assert_eq!(found.target_platform, "((5\\.[0-9])|(6\\/))");
        assert_eq!(found.php_minimum.as_deref(), Some("8.3"));
        let databases = [("mariadb", "10"), ("mysql", "8.0")]
            .map(|(name, version)| (name.to_owned(), version.to_owned()));
        assert_eq!(found.supported_databases, databases);
    }

    #[test]
    fn a_platform_is_said_in_two_ways() {
        for (said, pattern) in [
            (json!("5\\."), "5\\."),
            (json!({"name": "joomla", "version": "6\\."}), "6\\."),
            (json!("a\\/b"), "a\\/b"),
            (json!("a\\\\/b"), "a\\\\\\/b"),
            (json!(5), "5"),
            (json!([]), ".*"),
            (json!({}), ".*"),
            (json!(" "), ".*"),
        ] {
            let found = extension("demo", &json!({ "targetplatform": said }));
            assert_eq!(found.target_platform, pattern, "{said}");
        }
    }

    #[test]
    fn the_package_is_for_every_platform() {
        let found = |files: &[(&str, &str)]| package(&listed(files)).map(ToString::to_string);
        let linux = ("x86_64-unknown-linux-gnu", "a.zip");
        assert_eq!(found(&[]), None);
        assert_eq!(found(&[linux]).as_deref(), Some("x86_64-unknown-linux-gnu"));
        assert_eq!(found(&[linux, ("any.pdf", "a.pdf")]), None);
        assert_eq!(found(&[("any", "a.zip"), linux]).as_deref(), Some("any"));
        assert_eq!(
            found(&[("any.pdf", "a.pdf"), ("any.zip", "a.zip")]).as_deref(),
            Some("any.zip")
        );
        let version = Version::parse("1.2.0").expect("a version");
        assert_eq!(package_name(&version), "1.2.0.zip");
    }
}
