//! Names of the types of results, by the number that the server sends.

/// Number, name in SQL, name in dbt's driver; dbt says `TEXT` where that says `STRING`.
const TYPES: &[(u32, &str, &str)] = &[
    (16, "boolean", "BOOLEAN"),
    (17, "bytea", "BINARY"),
    (18, "\"char\"", "TEXT"),
    (19, "name", "TEXT"),
    (20, "bigint", "LONGINTEGER"),
    (21, "smallint", "INTEGER"),
    (23, "integer", "INTEGER"),
    (25, "text", "TEXT"),
    (26, "oid", "ROWID"),
    (114, "json", "JSON"),
    (199, "json[]", "JSONARRAY"),
    (651, "cidr[]", "CIDRARRAY"),
    (700, "real", "FLOAT"),
    (701, "double precision", "FLOAT"),
    (705, "unknown", "UNKNOWN"),
    (790, "money", ""),
    (829, "macaddr", ""),
    (869, "inet", ""),
    (1000, "boolean[]", "BOOLEANARRAY"),
    (1001, "bytea[]", "BINARYARRAY"),
    (1002, "\"char\"[]", "STRINGARRAY"),
    (1003, "name[]", "STRINGARRAY"),
    (1005, "smallint[]", "INTEGERARRAY"),
    (1007, "integer[]", "INTEGERARRAY"),
    (1009, "text[]", "STRINGARRAY"),
    (1014, "character[]", "STRINGARRAY"),
    (1015, "character varying[]", "STRINGARRAY"),
    (1016, "bigint[]", "LONGINTEGERARRAY"),
    (1021, "real[]", "FLOATARRAY"),
    (1022, "double precision[]", "FLOATARRAY"),
    (1028, "oid[]", "ROWIDARRAY"),
    (1040, "macaddr[]", "MACADDRARRAY"),
    (1041, "inet[]", "INETARRAY"),
    (1042, "character", "TEXT"),
    (1043, "character varying", "TEXT"),
    (1082, "date", "DATE"),
    (1083, "time without time zone", "TIME"),
    (1114, "timestamp without time zone", "DATETIME"),
    (1115, "timestamp without time zone[]", "DATETIMEARRAY"),
    (1182, "date[]", "DATEARRAY"),
    (1183, "time without time zone[]", "TIMEARRAY"),
    (1184, "timestamp with time zone", "DATETIMETZ"),
    (1185, "timestamp with time zone[]", "DATETIMETZARRAY"),
    (1186, "interval", "INTERVAL"),
    (1187, "interval[]", "INTERVALARRAY"),
    (1231, "numeric[]", "DECIMALARRAY"),
    (1266, "time with time zone", "TIME"),
    (1270, "time with time zone[]", "TIMEARRAY"),
    (1560, "bit", ""),
    (1562, "bit varying", ""),
    (1700, "numeric", "DECIMAL"),
    (2278, "void", ""),
    (2950, "uuid", ""),
    (2951, "uuid[]", ""),
    (3802, "jsonb", "JSONB"),
    (3807, "jsonb[]", "JSONBARRAY"),
];

fn find(oid: u32) -> Option<&'static (u32, &'static str, &'static str)> {
    TYPES.binary_search_by_key(&oid, |(number, _, _)| *number).ok().map(|ix| &TYPES[ix])
}

/// The name in SQL; `unknown` for types that users or extensions made.
pub(super) fn of(oid: u32) -> &'static str {
    find(oid).map_or("unknown", |(_, name, _)| name)
}

/// The name that dbt's driver gives it, which contracts show.
pub(super) fn of_driver(oid: u32) -> String {
    match find(oid) {
        Some((_, _, name)) if !name.is_empty() => (*name).to_owned(),
        _ => format!("unknown type_code {oid}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_in_order() {
        assert!(TYPES.is_sorted_by_key(|(number, _, _)| *number));
        assert_eq!((of(1700), of_driver(2950).as_str()), ("numeric", "unknown type_code 2950"));
    }
}
