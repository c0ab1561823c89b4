//! Adyen's interface documents as judges of what we send and of what we are answered.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::support::folder;

/// One of Adyen's documents, when it is there.
pub(crate) struct Specification {
    document: Value,
    /// Compiled once per schema, because the documents are large.
    validators: Mutex<BTreeMap<String, Arc<Validator>>>,
}

impl Specification {
    pub(crate) fn checkout() -> Option<Self> {
        Self::read("adyen/CheckoutService-v71.trimmed.json")
    }

    pub(crate) fn webhooks() -> Option<Self> {
        Self::read("adyen/Webhooks-v1.trimmed.json")
    }

    fn read(name: &str) -> Option<Self> {
        let path = folder("ZAHLSTELLE_SPECS", "specs")?.join(name);
        let mut document: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        spell_out_nullable(&mut document);
        Some(Self { document, validators: Mutex::default() })
    }

    /// Holds `instance` against a schema of the document. `additionalProperties: false` counts: a member that Adyen
    /// does not define is an error.
    pub(crate) fn assert_valid(&self, schema: &str, instance: &Value) {
        let validator = self.validator(schema);
        let errors: Vec<String> =
            validator.iter_errors(instance).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{schema}: {errors:#?}\n{instance:#}");
    }

    fn validator(&self, schema: &str) -> Arc<Validator> {
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = validators.get(schema) {
            return Arc::clone(known);
        }
        let mut root = Map::new();
        root.insert("$ref".to_owned(), json!(format!("#/components/schemas/{schema}")));
        root.insert("components".to_owned(), self.document["components"].clone());
        let validator = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .should_validate_formats(true)
            .build(&Value::Object(root))
            .unwrap();
        let validator = Arc::new(validator);
        validators.insert(schema.to_owned(), Arc::clone(&validator));
        validator
    }

    /// Holds a delivery of one item against the schema of its event.
    pub(crate) fn assert_valid_event(&self, delivery: &Value) {
        let item = &delivery["notificationItems"][0]["NotificationRequestItem"];
        let event = item["eventCode"].as_str().unwrap();
        let content = &self.operations()[&format!("/{event}")]["post"]["requestBody"]["content"]["application/json"];
        let schema = content["schema"]["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
        self.assert_valid(schema.expect("no such event"), delivery);
    }

    fn operations(&self) -> &Map<String, Value> {
        self.document["webhooks"].as_object().or(self.document["x-webhooks"].as_object()).unwrap()
    }

    /// The example notification of each event.
    pub(crate) fn examples(&self) -> Vec<(String, Value)> {
        let examples = self.document["components"]["examples"].as_object().cloned().unwrap_or_default();
        let mut found = Vec::new();
        for (path, operation) in self.operations() {
            let content = &operation["post"]["requestBody"]["content"]["application/json"]["examples"];
            for example in content.as_object().into_iter().flat_map(Map::values) {
                let name = example["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
                let example = name.map_or(example, |name| &examples[name]);
                found.push((path.trim_start_matches('/').to_owned(), example["value"].clone()));
            }
        }
        found
    }
}

/// `nullable` is a word of these documents; JSON Schema wants `null` among the types.
fn spell_out_nullable(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.remove("nullable") == Some(json!(true)) {
                if let Some(kind) = members.get("type").filter(|kind| kind.is_string()).cloned() {
                    members.insert("type".to_owned(), json!([kind, "null"]));
                }
                if let Some(Value::Array(values)) = members.get_mut("enum") {
                    values.push(Value::Null);
                }
            }
            members.values_mut().for_each(spell_out_nullable);
        }
        Value::Array(values) => values.iter_mut().for_each(spell_out_nullable),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_judge_refuses_undefined_members() {
    let Some(checkout) = Specification::checkout() else { return };
    let valid = json!({ "merchantAccount": "M", "reference": "R" });
    checkout.assert_valid("PaymentCancelRequest", &valid);
    let undefined = json!({ "merchantAccount": "M", "reference": "R", "feeName": "Personalausweis" });
    let refused = std::panic::catch_unwind(|| checkout.assert_valid("PaymentCancelRequest", &undefined));
    assert!(refused.is_err(), "a member that Adyen does not define was let through");
}
