use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::faults::Fault;
use super::sessions::Session;
use crate::resource::crc32c_text;

/// A rewrite copies so many bytes in a request.
const REWRITE_BYTES: usize = 1 << 20;

/// What the imitation keeps.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) endpoint: String,
    pub(super) objects: BTreeMap<String, Stored>,
    pub(super) sessions: Vec<Session>,
    pub(super) log: Vec<String>,
    pub(super) faults: HashMap<usize, Fault>,
    pub(super) authorizations: BTreeSet<String>,
    generation: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) content: Bytes,
    pub(super) generation: u64,
    pub(super) content_type: String,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) updated: OffsetDateTime,
}

/// Why a request is refused: the status and a message.
pub(super) type Refused = (u16, String);

impl Bucket {
    pub(super) fn new(endpoint: String) -> Self {
        Self {
            endpoint,
            objects: BTreeMap::new(),
            sessions: Vec::new(),
            log: Vec::new(),
            faults: HashMap::new(),
            authorizations: BTreeSet::new(),
            // Microseconds, as the service numbers.
            generation: OffsetDateTime::now_utc().unix_timestamp().unsigned_abs() * 1_000_000,
        }
    }

    pub(super) fn find(&self, key: &str, generation: Option<u64>) -> Result<&Stored, Refused> {
        let found = self.objects.get(key);
        let found = found.filter(|found| generation.is_none_or(|generation| found.generation == generation));
        found.ok_or_else(|| (404, format!("No such object: {}/{key}", super::BUCKET)))
    }

    /// Whether an object is of the generation that a request demands; 0 is none at all.
    pub(super) fn check_generation(&self, key: &str, demanded: Option<&str>) -> Result<(), Refused> {
        let Some(demanded) = demanded else {
            return Ok(());
        };
        let demanded: u64 = demanded
            .parse()
            .map_err(|_| (400, format!("Invalid generation: {demanded}")))?;
        let present = self.objects.get(key).map_or(0, |found| found.generation);
        if present == demanded {
            Ok(())
        } else {
            let message = "At least one of the pre-conditions you specified did not hold.";
            Err((412, message.to_owned()))
        }
    }

    pub(super) fn store(
        &mut self,
        key: &str,
        content: Bytes,
        content_type: &str,
        metadata: BTreeMap<String, String>,
    ) -> Value {
        self.generation += 1;
        let stored = Stored {
            content,
            generation: self.generation,
            content_type: content_type.to_owned(),
            metadata,
            updated: OffsetDateTime::now_utc(),
        };
        let description = stored.describe(key);
        self.objects.insert(key.to_owned(), stored);
        description
    }

    pub(super) fn delete(&mut self, key: &str) -> Result<(), Refused> {
        self.find(key, None)?;
        self.objects.remove(key);
        Ok(())
    }

    /// One request of a rewrite. The token is how many bytes were copied.
    pub(super) fn rewrite(
        &mut self,
        (from, to): (&str, &str),
        token: Option<&str>,
        demanded: Option<&str>,
        description: &Value,
    ) -> Result<Value, Refused> {
        let source = self.find(from, None)?.clone();
        self.check_generation(to, demanded)?;
        let before: usize = token
            .map_or(Ok(0), str::parse)
            .map_err(|_| (400, "Invalid token".to_owned()))?;
        let copied = (before + REWRITE_BYTES).min(source.content.len());
        if copied < source.content.len() {
            return Ok(json!({ "done": false, "rewriteToken": copied.to_string() }));
        }
        let content_type = description.get("contentType").and_then(Value::as_str);
        let content_type = content_type.unwrap_or(&source.content_type).to_owned();
        let resource = self.store(to, source.content, &content_type, metadata_of(description));
        Ok(json!({ "done": true, "resource": resource }))
    }
}

impl Stored {
    pub(super) fn describe(&self, key: &str) -> Value {
        json!({
            "kind": "storage#object",
            "name": key,
            "size": self.content.len().to_string(),
            "generation": self.generation.to_string(),
            "updated": self.updated.format(&Rfc3339).unwrap_or_default(),
            "contentType": self.content_type,
            "crc32c": crc32c_text(crc32c::crc32c(&self.content)),
            "metadata": self.metadata,
        })
    }
}

pub(super) fn metadata_of(description: &Value) -> BTreeMap<String, String> {
    let metadata = description.get("metadata").and_then(Value::as_object);
    let pairs = metadata.into_iter().flatten();
    pairs
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}
