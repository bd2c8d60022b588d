//! Variables of the application, and what each component gets of them.

use crate::error::Error;
use crate::identifier;
use crate::manifest::Variable;
use std::collections::BTreeMap;

/// Application variables with their values.
#[derive(Debug, Default)]
pub(crate) struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Gives every declared variable its value.
    ///
    /// # Errors
    ///
    /// [`Error::Variables`] when a required one has no value, or a value
    /// names a variable that is not declared.
    pub(crate) fn resolve(
        declared: &BTreeMap<String, Variable>,
        given: &BTreeMap<String, String>,
    ) -> Result<Self, Error> {
        let unknown = names(given.keys().filter(|name| !declared.contains_key(*name)));
        if !unknown.is_empty() {
            return Err(Error::Variables(format!(
                "the manifest declares no variable {unknown}"
            )));
        }
        let mut values = BTreeMap::new();
        let mut missing = Vec::new();
        for (name, variable) in declared {
            match given.get(name).or(variable.default.as_ref()) {
                Some(value) => {
                    values.insert(name.clone(), value.clone());
                }
                None => missing.push(name),
            }
        }
        if missing.is_empty() {
            return Ok(Self(values));
        }
        Err(Error::Variables(format!(
            "no value for the required variable {}",
            names(missing.into_iter())
        )))
    }

    /// Puts the values into a template: text with `{{ name }}` in it.
    ///
    /// # Errors
    ///
    /// What is wrong with the template: an open `{{`, or a name that is not
    /// declared.
    pub(crate) fn expand(&self, template: &str) -> Result<String, String> {
        let mut text = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, after)) = after.split_once("}}") else {
                return Err(format!("`{template}` opens `{{{{` and does not close it"));
            };
            let name = name.trim();
            let Some(value) = self.0.get(name) else {
                return Err(format!("`{template}` names the unknown variable `{name}`"));
            };
            text.push_str(before);
            text.push_str(value);
            rest = after;
        }
        text.push_str(rest);
        Ok(text)
    }
}

/// Names for a message.
fn names<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Why a component did not get a value; the cases of `spin:variables`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LookupError {
    /// The name breaks the grammar.
    InvalidName(String),
    /// The component's own table has no such name.
    Undefined(String),
}

/// What one component sees: the entries of its own table, with their values.
#[derive(Debug, Default)]
pub(crate) struct ComponentVariables {
    component: String,
    values: BTreeMap<String, String>,
}

impl ComponentVariables {
    /// Expands a component's table.
    pub(crate) fn new(
        component: &str,
        templates: &BTreeMap<String, String>,
        variables: &Variables,
    ) -> Result<Self, String> {
        let values = templates
            .iter()
            .map(|(name, template)| Ok((name.clone(), variables.expand(template)?)))
            .collect::<Result<_, String>>()?;
        Ok(Self {
            component: component.to_owned(),
            values,
        })
    }

    /// The value of a variable.
    pub(crate) fn get(&self, name: &str) -> Result<String, LookupError> {
        identifier::variable(name)
            .map_err(|why| LookupError::InvalidName(format!("{name:?}: {why}")))?;
        self.values.get(name).cloned().ok_or_else(|| {
            LookupError::Undefined(format!("no variable for {:?}.{name:?}", self.component))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{ComponentVariables, LookupError, Variables};
    use std::collections::BTreeMap;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        Variables(table(pairs))
    }

    fn table(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn templates_are_filled_in() {
        let variables = variables(&[("host", "a.example"), ("empty", "")]);
        for (template, text) in [
            ("", ""),
            ("plain } }} text", "plain } }} text"),
            ("https://{{host}}/x", "https://a.example/x"),
            ("{{ host }}{{  host  }}", "a.examplea.example"),
            ("[{{ empty }}]", "[]"),
        ] {
            assert_eq!(
                variables.expand(template).as_deref(),
                Ok(text),
                "{template}"
            );
        }
    }

    #[test]
    fn bad_templates_are_refused() {
        let variables = variables(&[("host", "a")]);
        for template in [
            "{{ host",
            "{{ host }} {{ host }",
            "{{ Host }}",
            "{{ }}",
            "{{ other }}",
        ] {
            assert!(variables.expand(template).is_err(), "{template}");
        }
    }

    #[test]
    fn a_value_is_never_a_template() {
        let variables = variables(&[("a", "{{ b }}"), ("b", "secret")]);
        assert_eq!(variables.expand("{{ a }}").as_deref(), Ok("{{ b }}"));
    }

    #[test]
    fn a_component_sees_its_own_table_only() {
        let app = variables(&[("token", "t"), ("other", "o")]);
        let own =
            ComponentVariables::new("sign", &table(&[("key", "<{{ token }}>")]), &app).unwrap();
        assert_eq!(own.get("key").as_deref(), Ok("<t>"));
        for name in ["token", "other"] {
            assert!(
                matches!(own.get(name), Err(LookupError::Undefined(_))),
                "{name}"
            );
        }
        assert!(matches!(own.get("Key"), Err(LookupError::InvalidName(_))));
    }
}
