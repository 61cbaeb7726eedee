//! One session: statements, transactions and the catalog.

use std::sync::{Arc, Mutex, PoisonError};

use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::{Message, RowDescriptionBody};
use postgres_protocol::message::frontend;

use super::super::{AdapterError, AdapterErrorKind, Cell, Column, Connection, Execution, Interrupt, RowLimit, Table};
use super::cells::Reader;
use super::copy;
use super::profile::Profile;
use super::refusal::{self, Report};
use super::startup::{CancelKey, Opened};
use super::type_names;
use super::wire::Wire;
use crate::sql::{Relation, RelationKind, statements};

/// What the server says of the transaction when it waits for statements.
const IDLE: u8 = b'I';
const FAILED: u8 = b'E';

/// One session with the server.
pub(super) struct Session {
    profile: Arc<Profile>,
    wire: Wire,
    canceller: Arc<Canceller>,
    /// A transaction was begun; the server hears of it with the next statement.
    begin_is_due: bool,
    status: u8,
    /// Nothing more can be sent; the next statement connects anew.
    is_broken: bool,
    /// A statement may have made something temporary.
    may_hold_temporary: bool,
    /// What is temporary is discarded before the next statement.
    discard_is_due: bool,
    notices: Vec<String>,
}

/// The answers to one text of statements: what the last one said.
#[derive(Default)]
struct Answer {
    columns: Vec<Field>,
    rows: Vec<Vec<Cell>>,
    n_rows: usize,
    has_rows: bool,
    tag: String,
    error: Option<AdapterError>,
}

/// A column of a result.
struct Field {
    name: String,
    type_oid: u32,
    reader: Reader,
}

impl Answer {
    /// Takes the columns of a result; what an earlier statement returned is forgotten.
    fn begin_rows(&mut self, body: &RowDescriptionBody) -> std::io::Result<()> {
        let field = |field: postgres_protocol::message::backend::Field<'_>| {
            let type_oid = field.type_oid();
            Ok(Field { name: field.name().to_owned(), type_oid, reader: Reader::of(type_oid) })
        };
        self.columns = body.fields().map(field).collect()?;
        (self.rows, self.has_rows) = (Vec::new(), true);
        Ok(())
    }

    fn end_statement(&mut self, tag: &str) {
        if !std::mem::take(&mut self.has_rows) {
            (self.columns, self.rows) = (Vec::new(), Vec::new());
        }
        tag.clone_into(&mut self.tag);
    }

    fn execution(&self) -> Execution {
        let is_number = |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit());
        let code: Vec<&str> = self.tag.split_whitespace().filter(|word| !is_number(word)).collect();
        let rows = self.tag.split_whitespace().last().and_then(|word| word.parse().ok());
        Execution { rows_affected: Some(rows.unwrap_or(-1)), message: self.tag.clone(), code: code.join(" ") }
    }
}

impl Session {
    /// Takes over an open connection and sets it up as the profile says.
    pub(super) fn new(profile: Arc<Profile>, opened: Opened) -> Result<Self, AdapterError> {
        let canceller = Canceller { profile: Arc::clone(&profile), key: Mutex::new(opened.cancel) };
        let mut session = Self {
            profile,
            wire: opened.wire,
            canceller: Arc::new(canceller),
            begin_is_due: false,
            status: IDLE,
            is_broken: false,
            may_hold_temporary: false,
            discard_is_due: false,
            notices: Vec::new(),
        };
        session.set_up(&opened.date_style)?;
        Ok(session)
    }

    fn set_up(&mut self, date_style: &str) -> Result<(), AdapterError> {
        let mut statements = Vec::new();
        if !date_style.starts_with("ISO") {
            statements.push("set datestyle to 'ISO'".to_owned());
        }
        statements.extend(self.profile.role.as_ref().map(|role| format!("set role {role}")));
        if !statements.is_empty() {
            self.run(&statements.join("; "), None)?;
        }
        Ok(())
    }

    /// Connects anew if the connection was lost. What was not committed then is lost with it.
    fn revive(&mut self) -> Result<(), AdapterError> {
        if !self.is_broken {
            return Ok(());
        }
        let opened = super::connect(&self.profile)?;
        *self.canceller.key.lock().unwrap_or_else(PoisonError::into_inner) = opened.cancel;
        (self.wire, self.status, self.is_broken) = (opened.wire, IDLE, false);
        (self.may_hold_temporary, self.discard_is_due) = (false, false);
        self.set_up(&opened.date_style)
    }

    /// Runs statements and reads rows of the last one if they are wanted.
    fn run(&mut self, sql: &str, limit: Option<RowLimit>) -> Result<(Table, Execution), AdapterError> {
        let answer = self.exchange(sql, limit, |sql, wire| frontend::query(sql, &mut wire.output))?;
        let execution = answer.execution();
        let column = |field: &Field| Column::new(field.name.as_str(), type_names::of(field.type_oid));
        Ok((Table { columns: answer.columns.iter().map(column).collect(), rows: answer.rows }, execution))
    }

    /// Sends what `write` writes for a statement, after the `begin` that is due, and waits for the answers.
    fn exchange(
        &mut self,
        sql: &str,
        limit: Option<RowLimit>,
        write: impl FnOnce(&str, &mut Wire) -> std::io::Result<()>,
    ) -> Result<Answer, AdapterError> {
        self.revive()?;
        let discards = std::mem::take(&mut self.discard_is_due).then_some("DISCARD TEMP");
        let begins = std::mem::take(&mut self.begin_is_due).then_some("BEGIN");
        let first = [discards, begins].into_iter().flatten();
        for statement in first.clone() {
            frontend::query(statement, &mut self.wire.output).map_err(|error| refusal::broken(&error))?;
        }
        if write(sql, &mut self.wire).is_err() {
            self.wire.output.clear();
            let message = "a statement cannot hold a NUL character";
            return Err(AdapterError::new(AdapterErrorKind::Syntax, message));
        }
        self.may_hold_temporary |= sql.as_bytes().windows(4).any(|word| word.eq_ignore_ascii_case(b"temp"));
        if let Err(error) = self.wire.send() {
            self.is_broken = true;
            return Err(refusal::broken(&error));
        }
        let mut refused = None;
        for statement in first {
            refused = self.answer(statement, None).err().or(refused);
        }
        let answer = self.answer(sql, limit)?;
        self.wire.copy = None;
        refused.map_or(Ok(answer), Err)
    }

    /// Reads answers until the server waits again.
    fn answer(&mut self, sql: &str, limit: Option<RowLimit>) -> Result<Answer, AdapterError> {
        let mut answer = Answer::default();
        while !self.is_broken {
            match self.step(&mut answer, sql, limit) {
                Ok(false) => {}
                Ok(true) => return answer.error.take().map_or(Ok(answer), Err),
                Err(error) => {
                    self.is_broken = true;
                    let broken = refusal::broken(&error);
                    return Err(match answer.error {
                        // The server said why it hangs up.
                        Some(error) => AdapterError {
                            message: format!("{}\n{}", error.message, broken.message),
                            position: None,
                            ..error
                        },
                        None => broken,
                    });
                }
            }
        }
        Err(refusal::broken(&std::io::ErrorKind::UnexpectedEof.into()))
    }

    /// Reads one message; `true`: it was the last of the answer.
    fn step(&mut self, answer: &mut Answer, sql: &str, limit: Option<RowLimit>) -> std::io::Result<bool> {
        match self.wire.receive()? {
            Message::RowDescription(body) => answer.begin_rows(&body)?,
            Message::DataRow(body) => {
                answer.n_rows += 1;
                let wanted = match limit {
                    None => 0,
                    Some(RowLimit::AtMost(n)) => n,
                    Some(RowLimit::All) => usize::MAX,
                };
                if answer.rows.len() < wanted {
                    let mut fields = answer.columns.iter();
                    let cell = |range: Option<std::ops::Range<usize>>| {
                        let reader = fields.next().map_or(Reader::of(0), |field| field.reader);
                        Ok(range.map_or(Cell::Null, |range| reader.read(&body.buffer()[range])))
                    };
                    answer.rows.push(body.ranges().map(cell).collect()?);
                }
            }
            Message::CommandComplete(body) => answer.end_statement(body.tag()?),
            Message::EmptyQueryResponse => answer.end_statement(""),
            Message::ErrorResponse(body) => {
                let error = Report::read(body.fields()).into_error(sql);
                answer.error.get_or_insert(error);
            }
            Message::NoticeResponse(body) => {
                let report = Report::read(body.fields());
                self.notices.push(format!("{}:  {}", report.severity, report.text(sql)));
            }
            Message::CopyInResponse(_) => self.wire.send_copy()?,
            Message::ReadyForQuery(body) => {
                self.status = body.status();
                return Ok(true);
            }
            _ => {}
        }
        Ok(false)
    }
}

fn literal(text: &str) -> String {
    let quoted = format!("'{}'", text.replace('\'', "''"));
    // What a backslash means depends on a setting of the server, unless the literal says it.
    if text.contains('\\') { format!(" E{}", quoted.replace('\\', "\\\\")) } else { quoted }
}

fn text(cell: Option<&Cell>) -> String {
    match cell {
        Some(Cell::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

fn size(cell: Option<&Cell>) -> Option<u32> {
    match cell {
        Some(Cell::Int(number)) => u32::try_from(*number).ok(),
        _ => None,
    }
}

impl Connection for Session {
    fn execute(&mut self, sql: &str) -> Result<Execution, AdapterError> {
        self.run(sql, None).map(|(_, execution)| execution)
    }

    fn query(&mut self, sql: &str, limit: RowLimit) -> Result<(Table, Execution), AdapterError> {
        self.run(sql, Some(limit))
    }

    /// The types are those of dbt's driver, such as `LONGINTEGER`, which contracts compare.
    fn describe(&mut self, sql: &str) -> Result<Vec<Column>, AdapterError> {
        let is_one = statements(sql).len() < 2;
        let answer = if is_one {
            self.exchange(sql, None, |sql, wire| {
                frontend::parse("", sql, [], &mut wire.output)?;
                frontend::describe(b'S', "", &mut wire.output)?;
                frontend::sync(&mut wire.output);
                Ok(())
            })?
        } else {
            // Only one statement can be described without running it.
            self.exchange(sql, None, |sql, wire| frontend::query(sql, &mut wire.output))?
        };
        let column = |field: &Field| Column::new(field.name.as_str(), type_names::of_driver(field.type_oid));
        Ok(answer.columns.iter().map(column).collect())
    }

    fn relations(&mut self, database: Option<&str>, schema: &str) -> Result<Vec<Relation>, AdapterError> {
        // Names have the collation `C`, in which only letters of ASCII have a small form.
        let schema = literal(schema);
        let sql = format!(
            "select n.nspname, c.relname, c.relkind::text from pg_catalog.pg_namespace n join pg_catalog.pg_class c on \
             c.relnamespace = n.oid where lower(n.nspname collate \"default\") = lower({schema}) and c.relkind in \
             ('r', 'p', 'v', 'm') union all select distinct n.nspname, p.proname, 'function' from \
             pg_catalog.pg_namespace n join pg_catalog.pg_proc p on p.pronamespace = n.oid where \
             lower(n.nspname collate \"default\") = lower({schema})"
        );
        let (table, _) = self.run(&sql, Some(RowLimit::All))?;
        let database = database.unwrap_or(&self.profile.database);
        let found = |row: &Vec<Cell>| {
            let kind = match text(row.get(2)).as_str() {
                "v" => RelationKind::View,
                "m" => RelationKind::MaterializedView,
                "function" => RelationKind::Function,
                _ => RelationKind::Table,
            };
            Relation::new(database, text(row.first()), text(row.get(1))).with_kind(Some(kind))
        };
        Ok(table.rows.iter().map(found).collect())
    }

    fn dependencies(&mut self) -> Result<Vec<(Relation, Relation)>, AdapterError> {
        let sql = "select distinct vn.nspname, v.relname, rn.nspname, r.relname from pg_catalog.pg_rewrite w \
                   join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = w.oid \
                   and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid <> w.ev_class \
                   join pg_catalog.pg_class v on v.oid = w.ev_class and v.relkind in ('v', 'm') \
                   join pg_catalog.pg_namespace vn on vn.oid = v.relnamespace \
                   join pg_catalog.pg_class r on r.oid = d.refobjid \
                   join pg_catalog.pg_namespace rn on rn.oid = r.relnamespace \
                   where rn.nspname not in ('pg_catalog', 'information_schema') and vn.nspname <> 'information_schema'";
        let (table, _) = self.run(sql, Some(RowLimit::All))?;
        let relation =
            |row: &[Cell], ix| Relation::new(&self.profile.database, text(row.get(ix)), text(row.get(ix + 1)));
        Ok(table.rows.iter().map(|row| (relation(row, 0), relation(row, 2))).collect())
    }

    /// Types and sizes as `information_schema.columns` has them, also for materialized views.
    /// A relation without schema is the one that the search path finds, such as a temporary table.
    fn columns(&mut self, relation: &Relation) -> Result<Vec<Column>, AdapterError> {
        let name = literal(relation.identifier.as_deref().unwrap_or_default());
        let place = match relation.schema.as_deref().filter(|schema| !schema.is_empty()) {
            Some(schema) => format!("n.nspname = {}", literal(schema)),
            None => "pg_catalog.pg_table_is_visible(c.oid)".to_owned(),
        };
        let sql = format!(
            "select a.attname, case when coalesce(b.typelem, t.typelem) <> 0 and coalesce(b.typlen, t.typlen) = -1 \
             then 'ARRAY' when coalesce(b.typnamespace, t.typnamespace) = 'pg_catalog'::regnamespace \
             then pg_catalog.format_type(coalesce(b.oid, t.oid), null) else 'USER-DEFINED' end, \
             information_schema._pg_char_max_length(o.type, o.modifier)::int4, \
             information_schema._pg_numeric_precision(o.type, o.modifier)::int4, \
             information_schema._pg_numeric_scale(o.type, o.modifier)::int4 \
             from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
             join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped \
             join pg_catalog.pg_type t on t.oid = a.atttypid \
             left join pg_catalog.pg_type b on t.typtype = 'd' and b.oid = t.typbasetype \
             cross join lateral (select information_schema._pg_truetypid(a, t) as type, \
             information_schema._pg_truetypmod(a, t) as modifier) o \
             where c.relname = {name} and {place} and c.relkind in ('r', 'p', 'v', 'm', 'f') order by a.attnum"
        );
        let (table, _) = self.run(&sql, Some(RowLimit::All))?;
        let column = |row: &Vec<Cell>| Column {
            char_size: size(row.get(2)),
            numeric_precision: size(row.get(3)),
            numeric_scale: size(row.get(4)),
            ..Column::new(text(row.first()), text(row.get(1)))
        };
        Ok(table.rows.iter().map(column).collect())
    }

    fn copy_rows(&mut self, sql: &str, rows: &[Vec<Option<String>>]) -> Result<Execution, AdapterError> {
        let data = copy::text(rows);
        let answer = self.exchange(sql, None, |sql, wire| {
            frontend::query(sql, &mut wire.output)?;
            wire.copy = Some(data);
            Ok(())
        })?;
        Ok(answer.execution())
    }

    fn reset(&mut self) {
        self.discard_is_due |= std::mem::take(&mut self.may_hold_temporary);
    }

    fn begin(&mut self) -> Result<(), AdapterError> {
        if self.begin_is_due {
            return Err(AdapterError::new(AdapterErrorKind::Statement, "a transaction is open already"));
        }
        // A statement's own `begin` may have come first.
        self.begin_is_due = self.is_broken || self.status == IDLE;
        Ok(())
    }

    fn commit(&mut self) -> Result<(), AdapterError> {
        if std::mem::take(&mut self.begin_is_due) || self.is_broken || self.status == IDLE {
            return Ok(());
        }
        let was_failed = self.status == FAILED;
        let (_, execution) = self.run("COMMIT", None)?;
        if was_failed || execution.message == "ROLLBACK" {
            let message = "the transaction had failed, so it was rolled back";
            return Err(AdapterError::new(AdapterErrorKind::Statement, message));
        }
        Ok(())
    }

    fn rollback(&mut self) -> Result<(), AdapterError> {
        if std::mem::take(&mut self.begin_is_due) || self.is_broken || self.status == IDLE {
            return Ok(());
        }
        self.run("ROLLBACK", None).map(|_| ())
    }

    fn interrupter(&self) -> Arc<dyn Interrupt> {
        let canceller: Arc<Canceller> = Arc::clone(&self.canceller);
        canceller
    }

    fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.is_broken {
            frontend::terminate(&mut self.wire.output);
            // The server notices a closed socket as well.
            let _ = self.wire.send();
        }
    }
}

/// Stops what a session runs, over a connection of its own.
struct Canceller {
    profile: Arc<Profile>,
    key: Mutex<CancelKey>,
}

impl Interrupt for Canceller {
    fn interrupt(&self) {
        let key = self.key.lock().unwrap_or_else(PoisonError::into_inner).clone();
        key.cancel(&self.profile);
    }
}
