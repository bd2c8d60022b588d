use super::*;
use serde_json::json;

const VALUES: MailValues<'_> = MailValues {
    id: "0199",
    to: "ana@x.example",
    from: "\"A, B\" <shop@x.example>",
    from_name: "A, B",
    from_address: "shop@x.example",
    reply_to: None,
    subject: "Q&A \"Pro\" <Ana's>",
    text: "a \"b\"\nc\\d {{html}} {{nothing}} é",
    html: "<p>{{text}}</p>",
};

fn json_template(template: &Value) -> Result<BodyTemplate, TemplateError> {
    BodyTemplate::parse(&template.to_string(), BodyFormat::Json)
}

#[test]
fn values_enter_the_tree_in_one_pass() {
    let template = json_template(&json!({
        "to": ["{{to}}"], "reply_to": "{{reply_to}}", "n": 1, "s": "Re: {{ subject }}!",
        "parts": { "text": "{{text}}", "html": "{{html}}" }, "both": "{{id}}{{id}}",
    }));
    let body = template.expect("a template").fill(&VALUES);
    assert_eq!(body.content_type, "application/json");
    let body: Value = serde_json::from_str(&body.body).expect("JSON");
    let expected = json!({
        "to": ["ana@x.example"], "n": 1, "s": "Re: Q&A \"Pro\" <Ana's>!",
        "parts": { "text": VALUES.text, "html": VALUES.html }, "both": "01990199",
    });
    assert_eq!(
        body, expected,
        "nothing is expanded twice, no reply_to without one"
    );
    let answered = MailValues {
        reply_to: Some("help@x.example"),
        ..VALUES
    };
    let template = json_template(&json!({
        "a": "{{to}}{{subject}}{{text}}", "reply_to": "{{reply_to}}",
    }));
    let body = template.expect("a template").fill(&answered).body;
    assert!(body.contains(r#""reply_to":"help@x.example""#), "{body}");
}

#[test]
fn a_template_that_cannot_work_is_refused_when_it_is_read() {
    let all = "{{to}}{{subject}}{{text}}";
    for (template, error) in [
        (
            json!({ "a": "{{to}}{{subject}}" }),
            TemplateError::Missing("text"),
        ),
        (
            json!({ "a": "{{subject}}{{text}}" }),
            TemplateError::Missing("to"),
        ),
        (
            json!({ "a": "{{to}}{{text}}" }),
            TemplateError::Missing("subject"),
        ),
        (json!({ "a": all, "b": "{{name}}" }), TemplateError::Unknown),
        (
            json!({ "a": all, "b": [{ "c": "{{Text}}" }] }),
            TemplateError::Unknown,
        ),
        (json!({ "a": all, "b": "{{text" }), TemplateError::Open),
        (json!([all]), TemplateError::NotAnObject),
        (json!(all), TemplateError::NotAnObject),
    ] {
        assert_eq!(json_template(&template), Err(error), "{template}");
    }
    let broken = BodyTemplate::parse("{\"text\": {{text}}}", BodyFormat::Json);
    assert_eq!(broken, Err(TemplateError::NotAnObject));
    let said = TemplateError::Unknown.to_string();
    assert!(said.starts_with("has {{…}} with another name"), "{said}");
    assert_eq!(
        TemplateError::Missing("text").to_string(),
        "must contain {{text}}"
    );
}

#[test]
fn a_form_has_encoded_names_and_texts() {
    let template = r#"{"to":"{{to}}","s":"{{subject}}","t":"{{text}}","h:R":"{{reply_to}}"}"#;
    let form = BodyTemplate::parse(template, BodyFormat::Form).expect("a template");
    assert_eq!(
        form.fill(&VALUES).body,
        "s=Q%26A%20%22Pro%22%20%3CAna%27s%3E\
         &t=a%20%22b%22%0Ac%5Cd%20%7B%7Bhtml%7D%7D%20%7B%7Bnothing%7D%7D%20%C3%A9\
         &to=ana%40x.example"
    );
    let of = |template| BodyTemplate::parse(template, BodyFormat::Multipart).unwrap_err();
    assert_eq!(of(r#"{"a":"{{to}}","b":1}"#), TemplateError::NotTexts);
    assert_eq!(of(r#"{"a\"\r\nb":"{{to}}"}"#), TemplateError::Name);
}

#[test]
fn a_part_cannot_end_itself() {
    let template = r#"{"to":"{{to}}","s":"{{subject}}","t":"{{text}}"}"#;
    let template = BodyTemplate::parse(template, BodyFormat::Multipart).expect("a template");
    let values = MailValues {
        text: "x\r\n--keywright-0199--\r\n",
        ..VALUES
    };
    let filled = template.fill(&values);
    assert_eq!(
        filled.content_type,
        "multipart/form-data; boundary=keywright-0199x"
    );
    let parts: Vec<&str> = filled.body.split("--keywright-0199x").collect();
    assert_eq!(parts.len(), 5, "{}", filled.body);
    assert_eq!(
        parts[2],
        "\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\nx\r\n--keywright-0199--\r\n\r\n"
    );
}
