//! What is known of the relations that exist: one listing a schema, kept up to date from then on.
//!
//! No lock is held while anything is asked of a database: callers list, then tell the cache.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use crate::sql::Relation;

type SchemaKey = (String, String);

/// A relation that exists, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedRelation {
    /// Its name and kind.
    pub relation: Relation,
    /// Whether it was made in this run.
    pub is_ours: bool,
}

#[derive(Debug, Default)]
struct SchemaEntry {
    is_listed: bool,
    /// By lower-case name; `None`: dropped since before the listing arrived.
    relations: HashMap<String, Option<CachedRelation>>,
}

/// The relations of the schemas that were listed.
#[derive(Debug, Default)]
pub struct RelationCache {
    schemas: Mutex<HashMap<SchemaKey, SchemaEntry>>,
}

fn fold(text: Option<&str>) -> String {
    text.unwrap_or_default().to_lowercase()
}

fn key(relation: &Relation) -> SchemaKey {
    (fold(relation.database.as_deref()), fold(relation.schema.as_deref()))
}

impl RelationCache {
    fn lock(&self) -> MutexGuard<'_, HashMap<SchemaKey, SchemaEntry>> {
        match self.schemas.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        }
    }

    /// Whether a schema was listed.
    #[must_use]
    pub fn has_schema(&self, database: Option<&str>, schema: &str) -> bool {
        self.lock().get(&(fold(database), fold(Some(schema)))).is_some_and(|entry| entry.is_listed)
    }

    /// Takes a listing in. What was added or dropped since it was asked for stays as it is.
    pub fn insert_listing(&self, database: Option<&str>, schema: &str, listing: Vec<Relation>) {
        let mut schemas = self.lock();
        let entry = schemas.entry((fold(database), fold(Some(schema)))).or_default();
        entry.is_listed = true;
        for relation in listing {
            let name = fold(relation.identifier.as_deref());
            entry.relations.entry(name).or_insert(Some(CachedRelation { relation, is_ours: false }));
        }
    }

    /// Finds a relation by name, in any case.
    #[must_use]
    pub fn find(&self, database: Option<&str>, schema: &str, identifier: &str) -> Option<CachedRelation> {
        let schemas = self.lock();
        let entry = schemas.get(&(fold(database), fold(Some(schema))))?;
        entry.relations.get(&identifier.to_lowercase()).cloned().flatten()
    }

    /// The relations of a schema, by name.
    #[must_use]
    pub fn relations(&self, database: Option<&str>, schema: &str) -> Vec<CachedRelation> {
        let schemas = self.lock();
        let Some(entry) = schemas.get(&(fold(database), fold(Some(schema)))) else { return Vec::new() };
        let mut found: Vec<_> = entry.relations.values().flatten().cloned().collect();
        found.sort_by(|a, b| a.relation.identifier.cmp(&b.relation.identifier));
        found
    }

    /// Notes that a relation exists; `is_ours` if this run made it.
    pub fn add(&self, relation: Relation, is_ours: bool) {
        let name = fold(relation.identifier.as_deref());
        self.lock()
            .entry(key(&relation))
            .or_default()
            .relations
            .insert(name, Some(CachedRelation { relation, is_ours }));
    }

    /// Notes that a relation is gone.
    pub fn remove(&self, relation: &Relation) {
        let name = fold(relation.identifier.as_deref());
        self.lock().entry(key(relation)).or_default().relations.insert(name, None);
    }

    /// Notes that a relation has another name now.
    pub fn rename(&self, from: &Relation, to: &Relation) {
        let known = self.find(
            from.database.as_deref(),
            from.schema.as_deref().unwrap_or_default(),
            from.identifier.as_deref().unwrap_or_default(),
        );
        let kind = to.kind.or_else(|| known.as_ref().and_then(|known| known.relation.kind));
        self.remove(from);
        self.add(to.clone().with_kind(kind), known.is_some_and(|known| known.is_ours));
    }

    /// Notes that a schema is gone with all that was in it.
    pub fn drop_schema(&self, database: Option<&str>, schema: &str) {
        let entry = SchemaEntry { is_listed: true, relations: HashMap::new() };
        self.lock().insert((fold(database), fold(Some(schema))), entry);
    }

    /// Forgets a schema, so that it is listed anew.
    pub fn forget_schema(&self, database: Option<&str>, schema: &str) {
        self.lock().remove(&(fold(database), fold(Some(schema))));
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_since_the_listing_wins() {
        let cache = RelationCache::default();
        cache.add(Relation::new("db", "Main", "New"), true);
        cache.remove(&Relation::new("db", "main", "old"));
        cache.insert_listing(
            Some("DB"),
            "main",
            vec![Relation::new("db", "main", "old"), Relation::new("db", "main", "kept")],
        );
        let names: Vec<_> =
            cache.relations(Some("db"), "main").into_iter().filter_map(|found| found.relation.identifier).collect();
        assert_eq!(names, ["New", "kept"]);
    }

    #[test]
    fn renaming_moves_the_entry() {
        let cache = RelationCache::default();
        cache.insert_listing(Some("db"), "main", vec![Relation::new("db", "main", "a")]);
        cache.rename(&Relation::new("db", "main", "A"), &Relation::new("db", "main", "b"));
        assert!(cache.find(Some("db"), "main", "a").is_none());
        assert!(cache.find(Some("db"), "MAIN", "B").is_some());
    }
}
