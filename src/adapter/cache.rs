//! What is known of the relations that exist: one listing a schema, kept up to date from then on.
//!
//! No lock is held while anything is asked of a database: callers list, then tell the cache.

use std::collections::{HashMap, HashSet};
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

/// A relation's schema and its name in lower case.
type RelationKey = (SchemaKey, String);

#[derive(Debug, Default)]
struct Known {
    schemas: HashMap<SchemaKey, SchemaEntry>,
    /// By relation: the relations that a cascade drops with it.
    dependents: HashMap<RelationKey, HashSet<RelationKey>>,
    /// The same the other way round: by relation, those that it reads.
    sources: HashMap<RelationKey, HashSet<RelationKey>>,
}

/// The relations of the schemas that were listed.
#[derive(Debug, Default)]
pub struct RelationCache {
    known: Mutex<Known>,
}

fn fold(text: Option<&str>) -> String {
    text.unwrap_or_default().to_lowercase()
}

fn key(relation: &Relation) -> SchemaKey {
    (fold(relation.database.as_deref()), fold(relation.schema.as_deref()))
}

fn full_key(relation: &Relation) -> RelationKey {
    (key(relation), fold(relation.identifier.as_deref()))
}

impl Known {
    fn set(&mut self, (schema, name): RelationKey, relation: Option<CachedRelation>) {
        self.schemas.entry(schema).or_default().relations.insert(name, relation);
    }

    /// Takes a relation out, and with it what was made from it.
    fn remove(&mut self, relation: RelationKey) {
        let mut gone = vec![relation];
        while let Some(relation) = gone.pop() {
            gone.extend(self.dependents.remove(&relation).into_iter().flatten());
            self.set(relation, None);
        }
    }

    fn link(&mut self, dependent: RelationKey, source: RelationKey) {
        self.sources.entry(dependent.clone()).or_default().insert(source.clone());
        self.dependents.entry(source).or_default().insert(dependent);
    }

    fn rename(&mut self, from: &RelationKey, to: &RelationKey) {
        rename_in(&mut self.dependents, &mut self.sources, (from, to));
        rename_in(&mut self.sources, &mut self.dependents, (from, to));
    }
}

/// Renames a key of `links`, and what `back` says of it.
fn rename_in(
    links: &mut HashMap<RelationKey, HashSet<RelationKey>>,
    back: &mut HashMap<RelationKey, HashSet<RelationKey>>,
    (from, to): (&RelationKey, &RelationKey),
) {
    let Some(linked) = links.remove(from) else { return };
    #[expect(clippy::iter_over_hash_type, reason = "each is changed on its own")]
    for other in &linked {
        if let Some(known) = back.get_mut(other).filter(|known| known.contains(from)) {
            known.remove(from);
            known.insert(to.clone());
        }
    }
    links.insert(to.clone(), linked);
}

impl RelationCache {
    fn lock(&self) -> MutexGuard<'_, Known> {
        match self.known.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        }
    }

    /// Whether a schema was listed.
    #[must_use]
    pub fn has_schema(&self, database: Option<&str>, schema: &str) -> bool {
        self.lock().schemas.get(&(fold(database), fold(Some(schema)))).is_some_and(|entry| entry.is_listed)
    }

    /// Takes a listing in. What was added or dropped since it was asked for stays as it is.
    pub fn insert_listing(&self, database: Option<&str>, schema: &str, listing: Vec<Relation>) {
        let mut known = self.lock();
        let entry = known.schemas.entry((fold(database), fold(Some(schema)))).or_default();
        entry.is_listed = true;
        for relation in listing {
            let name = fold(relation.identifier.as_deref());
            entry.relations.entry(name).or_insert(Some(CachedRelation { relation, is_ours: false }));
        }
    }

    /// Finds a relation by name, in any case.
    #[must_use]
    pub fn find(&self, database: Option<&str>, schema: &str, identifier: &str) -> Option<CachedRelation> {
        let known = self.lock();
        let entry = known.schemas.get(&(fold(database), fold(Some(schema))))?;
        entry.relations.get(&identifier.to_lowercase()).cloned().flatten()
    }

    /// The relations of a schema, by name.
    #[must_use]
    pub fn relations(&self, database: Option<&str>, schema: &str) -> Vec<CachedRelation> {
        let known = self.lock();
        let Some(entry) = known.schemas.get(&(fold(database), fold(Some(schema)))) else { return Vec::new() };
        let mut found: Vec<_> = entry.relations.values().flatten().cloned().collect();
        found.sort_by(|a, b| a.relation.identifier.cmp(&b.relation.identifier));
        found
    }

    /// Takes in which relations a cascade drops with which: pairs of the dependent one and the one it reads.
    pub fn link(&self, dependencies: Vec<(Relation, Relation)>) {
        let mut known = self.lock();
        for (dependent, source) in dependencies {
            known.link(full_key(&dependent), full_key(&source));
        }
    }

    /// The relations that are known to read a relation, directly or through others, as far as their schemas
    /// were listed; `None` if nothing is known to read it.
    #[must_use]
    pub fn dependents(&self, relation: &Relation) -> Option<Vec<CachedRelation>> {
        let known = self.lock();
        let mut pending: Vec<&RelationKey> = known.dependents.get(&full_key(relation))?.iter().collect();
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        while let Some(dependent) = pending.pop() {
            if seen.insert(dependent) {
                let entry = known.schemas.get(&dependent.0).and_then(|entry| entry.relations.get(&dependent.1));
                found.extend(entry.cloned().flatten());
                pending.extend(known.dependents.get(dependent).into_iter().flatten());
            }
        }
        found.sort_by(|a, b| a.relation.identifier.cmp(&b.relation.identifier));
        Some(found).filter(|_| !seen.is_empty())
    }

    /// Notes that a relation exists; `is_ours` if this run made it.
    pub fn add(&self, relation: Relation, is_ours: bool) {
        self.lock().set(full_key(&relation), Some(CachedRelation { relation, is_ours }));
    }

    /// Notes that a relation is gone, and with it those that are known to depend on it.
    pub fn remove(&self, relation: &Relation) {
        self.lock().remove(full_key(relation));
    }

    /// Notes that a relation has another name now.
    pub fn rename(&self, from: &Relation, to: &Relation) {
        let known = self.find(
            from.database.as_deref(),
            from.schema.as_deref().unwrap_or_default(),
            from.identifier.as_deref().unwrap_or_default(),
        );
        let kind = to.kind.or_else(|| known.as_ref().and_then(|known| known.relation.kind));
        let renamed =
            CachedRelation { relation: to.clone().with_kind(kind), is_ours: known.is_some_and(|known| known.is_ours) };
        let mut known = self.lock();
        known.rename(&full_key(from), &full_key(to));
        known.set(full_key(from), None);
        known.set(full_key(to), Some(renamed));
    }

    /// Notes that a schema is gone with all that was in it.
    pub fn drop_schema(&self, database: Option<&str>, schema: &str) {
        let entry = SchemaEntry { is_listed: true, relations: HashMap::new() };
        self.lock().schemas.insert((fold(database), fold(Some(schema))), entry);
    }

    /// Forgets a schema, so that it is listed anew.
    pub fn forget_schema(&self, database: Option<&str>, schema: &str) {
        self.lock().schemas.remove(&(fold(database), fold(Some(schema))));
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.lock() = Known::default();
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
    fn what_depends_on_a_dropped_relation_is_gone_too() {
        let relation = |name: &str| Relation::new("db", "main", name);
        let cache = RelationCache::default();
        cache.insert_listing(Some("db"), "main", ["a", "b", "c", "d"].map(relation).to_vec());
        cache.link(vec![(relation("b"), relation("a")), (relation("c"), relation("b"))]);
        cache.rename(&relation("a"), &relation("a_backup"));
        cache.rename(&relation("b"), &relation("b_backup"));
        cache.remove(&relation("a_backup"));
        let names: Vec<_> =
            cache.relations(Some("db"), "main").into_iter().filter_map(|found| found.relation.identifier).collect();
        assert_eq!(names, ["d"]);
    }

    #[test]
    fn dependents_are_found_through_others() {
        let relation = |name: &str| Relation::new("db", "main", name);
        let cache = RelationCache::default();
        cache.insert_listing(Some("db"), "main", ["a", "b", "c"].map(relation).to_vec());
        cache.link(vec![(relation("b"), relation("a")), (relation("c"), relation("b"))]);
        let names = |name: &str| -> Option<Vec<_>> {
            let found = cache.dependents(&relation(name))?;
            Some(found.into_iter().filter_map(|found| found.relation.identifier).collect())
        };
        assert_eq!(names("A"), Some(vec!["b".to_string(), "c".to_string()]));
        assert_eq!(names("c"), None);
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
