//! What both databases answer.

use std::collections::BTreeSet;

use djwto_core::session::feed::{Comparison, Condition, Counts, EndedReader, Page};
use djwto_core::token::revoked::Revocations;
use djwto_core::types::{Micros, UserId};
use djwto_server::store::Store;

use super::cluster::Cluster;
use super::{File, SECOND, ended, export, id, later, look, now, open, schema, tables};

/// A database with Django's tables.
enum Place {
    Sqlite(File),
    Postgres(Cluster),
}

impl Place {
    async fn all() -> [Self; 3] {
        [
            Self::Sqlite(File::new("delete")),
            Self::Sqlite(File::new("wal")),
            Self::Postgres(Cluster::new().await),
        ]
    }

    fn address(&self) -> String {
        match self {
            Self::Sqlite(file) => file.address(),
            Self::Postgres(cluster) => cluster.address(),
        }
    }

    fn vendor(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgresql",
        }
    }

    async fn execute(&self, sql: &str) {
        match self {
            Self::Sqlite(file) => file.execute(sql),
            Self::Postgres(cluster) => cluster.execute(sql).await,
        }
    }

    fn uuid(&self) -> &'static str {
        if self.vendor() == "sqlite" { "char(32)" } else { "uuid" }
    }
}

#[tokio::test]
async fn both_databases_answer_the_same() {
    for place in Place::all().await {
        let store = open(&place.address());
        store.check().await.unwrap();
        pages_have_each_ended_session_once(&place, &store).await;
        a_condition_compares_as_it_says(&store).await;
        counts_are_by_slices_and_by_the_clock_of_the_database(&place, &store).await;
        a_quarter_of_a_million_ends_are_read(&place, &store).await;
        permissions_are_those_of_the_user_and_of_the_groups(&place, &store).await;
        for (id_type, column) in [("uuid", place.uuid()), ("text", "varchar(255)")] {
            keys_of_users_are_found(&place, id_type, column).await;
        }
        names_are_quoted(&place).await;
        what_is_missing_is_named(&place).await;
    }
}

async fn pages_have_each_ended_session_once(place: &Place, store: &Store) {
    let (start, until) = (now() - 5 * SECOND, later());
    // Many share one time, so that a page ends among them.
    let rows = (0..60).map(|number| {
        ended(number, start + i64::from(number > 40), until + i64::from(number % 3 > 1))
    });
    let live = "INSERT INTO djwto_session (id, user_id, access_until) \
                VALUES ('ffffffffffffffffffffffffffffffff', '7', 253370764800000000);";
    let expired = ended(99, start - 7200 * SECOND, start - 7200 * SECOND);
    place.execute(&(rows.collect::<String>() + live + &expired)).await;
    let (set, mut reader) = (Revocations::default(), EndedReader::new(7, 1.0));
    let pages = look(store, &mut reader, &set).await.unwrap();
    assert!(pages > 60 / 7);
    assert_eq!(set.len(), 60);
    assert!((0..60).all(|number| set.contains(id(number))));
    // The next look has nothing to read, and the one after a further end has one.
    assert_eq!(look(store, &mut reader, &set).await.unwrap(), 0);
    place.execute(&ended(60, now(), until)).await;
    assert_eq!(look(store, &mut reader, &set).await.unwrap(), 1);
    assert!(set.contains(id(60)));
}

async fn a_condition_compares_as_it_says(store: &Store) {
    use Comparison::{Above, AtLeast, Below, Equal};
    let numbers = async |conditions: Vec<Condition>| -> BTreeSet<String> {
        let asked = Page { conditions, size: 1000 };
        store.page(&asked).await.unwrap().iter().map(|row| row.id.to_string()).collect()
    };
    let name = |number: u64| id(number).to_string();
    let (zero, middle) = (Micros::new(0), id(30));
    let of = |how| vec![Condition::RevokedAt(AtLeast, zero), Condition::Id(how, middle)];
    assert_eq!(numbers(of(Equal)).await, BTreeSet::from([name(30)]));
    let (below, above) = (numbers(of(Below)).await, numbers(of(Above)).await);
    assert!(below.contains(&name(29)) && !below.contains(&name(30)) && !below.contains(&name(31)));
    assert!(above.contains(&name(31)) && !above.contains(&name(30)) && !above.contains(&name(29)));
    assert_eq!(numbers(of(AtLeast)).await.len(), above.len() + 1);
    // A session that has not ended is in no page.
    let ends = numbers(vec![Condition::RevokedAt(Below, Micros::NEVER)]).await;
    assert_eq!(ends.len(), 62);
    let expired = numbers(vec![Condition::AccessUntil(Below, Micros::new(now()))]).await;
    assert_eq!(expired, BTreeSet::from([name(99)]));
    let first = Page { conditions: of(AtLeast), size: 2 };
    let first = store.page(&first).await.unwrap();
    assert_eq!(first.iter().map(|row| row.id).collect::<Vec<_>>(), [id(99), id(30)]);
}

async fn counts_are_by_slices_and_by_the_clock_of_the_database(place: &Place, store: &Store) {
    place.execute("DELETE FROM djwto_session").await;
    let slice = SECOND / 10;
    let start = now() / slice * slice - 10 * SECOND;
    let times = [start, start + 1, start + slice - 1, start + slice, start - 1000 * SECOND];
    let rows = (0..).zip(times).map(|(number, time)| ended(number, time, later()));
    place.execute(&rows.collect::<String>()).await;
    let asked = Counts { back: 60 * SECOND, slice };
    let counted = store.counts(asked).await.unwrap();
    assert_eq!(counted.into_iter().collect::<Vec<_>>(), [(start, 3), (start + slice, 1)]);
    let none = store.counts(Counts { back: 0, slice }).await.unwrap();
    assert!(none.is_empty());
}

async fn a_quarter_of_a_million_ends_are_read(place: &Place, store: &Store) {
    let id = match place {
        Place::Sqlite(_) => "printf('%032x', n)",
        Place::Postgres(_) => "CAST(lpad(to_hex(n), 32, '0') AS uuid)",
    };
    let (now, until) = (now(), later());
    place
        .execute(&format!(
            "DELETE FROM djwto_session;
             INSERT INTO djwto_session (id, user_id, revoked_at, access_until, tenant)
             WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 250000)
             SELECT {id}, '7', {now} - n * 100, {until}, '' FROM numbers"
        ))
        .await;
    if let Place::Postgres(cluster) = place {
        // Autovacuum does it in a while. Without it, each page sorts all rows.
        cluster.execute("ANALYZE djwto_session").await;
    }
    let (set, mut reader) = (Revocations::default(), EndedReader::new(2000, 0.02));
    look(store, &mut reader, &set).await.unwrap();
    assert_eq!(set.len(), 250_000);
    assert_eq!(look(store, &mut reader, &set).await.unwrap(), 0);
    place.execute("DELETE FROM djwto_session").await;
}

const USERS: &str = "
    INSERT INTO django_content_type VALUES (1, 'shop', 'order'), (2, 'portal', 'model');
    INSERT INTO auth_permission VALUES (1, 1, 'view_order'), (2, 1, 'add_order'), (3, 2, 'use_models'),
        (4, 2, 'it''s \"odd\".é'), (5, 2, 'of_nobody');
    INSERT INTO auth_user VALUES ({1}, true, false), ({2}, true, true), ({3}, false, true),
        ({4}, true, false), ({5}, false, false);
    INSERT INTO auth_user_user_permissions VALUES ({1}, 1), ({1}, 4), ({5}, 1), ({2}, 1);
    INSERT INTO auth_group VALUES (1), (2), (3);
    INSERT INTO auth_group_permissions VALUES (1, 1), (1, 2), (2, 3), (3, 5), (4, 5);
    INSERT INTO auth_user_groups VALUES ({1}, 1), ({1}, 2), ({1}, 4), ({5}, 1);
";

async fn permissions_are_those_of_the_user_and_of_the_groups(place: &Place, store: &Store) {
    let users =
        (1..6).fold(USERS.to_owned(), |sql, n| sql.replace(&format!("{{{n}}}"), &n.to_string()));
    place.execute(&users).await;
    let of = async |user: UserId<'_>| {
        let held = store.permissions(&user).await.unwrap();
        held.map(|held| {
            let set: BTreeSet<String> = held.iter().cloned().collect();
            assert_eq!(set.len(), held.len());
            set
        })
    };
    let set = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect());
    let all = ["portal.it's \"odd\".é", "portal.use_models", "shop.add_order", "shop.view_order"];
    assert_eq!(of(UserId::Integer(1)).await, set(&all));
    assert_eq!(of(UserId::Text("1".into())).await, set(&all));
    assert_eq!(of(UserId::Integer(2)).await, set(&["*"]));
    assert_eq!(of(UserId::Integer(4)).await, set(&[]));
    for gone in [3, 5, 6, -1, i64::MAX] {
        assert_eq!(of(UserId::Integer(gone)).await, None, "{gone}");
    }
    for other in ["01", "+1", " 1", "1.0", "one", "1\0", "99999999999999999999"] {
        assert_eq!(of(UserId::Text(other.into())).await, None, "{other:?}");
    }
}

async fn keys_of_users_are_found(place: &Place, id_type: &str, column: &str) {
    let names =
        ["auth_user", "django_content_type", "auth_permission", "auth_user_user_permissions"];
    let rest = ["auth_group", "auth_user_groups", "auth_group_permissions", "djwto_session"];
    let drops = names.iter().chain(&rest).map(|table| format!("DROP TABLE {table};"));
    place.execute(&drops.collect::<String>()).await;
    place.execute(&tables(place.uuid(), column)).await;
    let key = "6f1c7d0e-8c5b-4f2a-9d3e-2b1a0c9d8e7f";
    let stored = if id_type == "uuid" { key.replace('-', "") } else { key.to_owned() };
    let users = (1..6).fold(USERS.to_owned(), |sql, n| {
        let other = if n == 1 { stored.clone() } else { format!("{n:032x}") };
        sql.replace(&format!("{{{n}}}"), &format!("'{other}'"))
    });
    place.execute(&users).await;
    let store = Store::open(&place.address(), &schema(export(place.vendor(), id_type))).unwrap();
    store.check().await.unwrap();
    let of =
        async |user: &str| store.permissions(&UserId::Text(user.to_owned().into())).await.unwrap();
    assert_eq!(of(key).await.unwrap().len(), 4);
    let others = [
        "6f1c7d0e-8c5b-4f2a-9d3e-2b1a0c9d8e70",
        "6F1C7D0E-8C5B-4F2A-9D3E-2B1A0C9D8E7F",
        "6f1c7d0e8c5b4f2a9d3e2b1a0c9d8e7f",
        "7",
        "' OR true --",
        "\0",
    ];
    for other in others {
        assert_eq!(of(other).await, None, "{other:?}");
    }
}

async fn names_are_quoted(place: &Place) {
    let (table, column) = ("select \"*\"; from", "order\" by");
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let mut path = quoted(table);
    let mut names = serde_json::json!(table);
    if let Place::Postgres(_) = place {
        place.execute("CREATE SCHEMA \"a.b\"").await;
        (path, names) = (format!("\"a.b\".{path}"), serde_json::json!(["a.b", table]));
    }
    let uuid = place.uuid();
    let column = quoted(column);
    place
        .execute(&format!("CREATE TABLE {path} (id {uuid}, {column} bigint, access_until bigint)"))
        .await;
    let mut export = export(place.vendor(), "integer");
    export["sessions"]["table"] = names;
    export["sessions"]["revoked_at"] = "order\" by".into();
    export["permissions"] = serde_json::Value::Null;
    let store = Store::open(&place.address(), &schema(export)).unwrap();
    store.check().await.unwrap();
    let error = store.permissions(&UserId::Integer(1)).await.unwrap_err();
    assert_eq!(error.to_string(), "The export has no tables of permissions.");
}

async fn what_is_missing_is_named(place: &Place) {
    for (member, name) in [("table", "djwto_sitting"), ("revoked_at", "ended_at"), ("id", "sid")] {
        let mut export = export(place.vendor(), "text");
        export["sessions"][member] = name.into();
        let store = Store::open(&place.address(), &schema(export)).unwrap();
        let error = store.check().await.unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
        assert!(
            error.ends_with("Run `manage.py migrate`, then `manage.py djwto_export`."),
            "{error}"
        );
    }
    let mut export = export(place.vendor(), "text");
    export["permissions"]["user"]["is_active"] = "is_awake".into();
    let store = Store::open(&place.address(), &schema(export)).unwrap();
    assert!(store.check().await.unwrap_err().to_string().contains("is_awake"));
}
