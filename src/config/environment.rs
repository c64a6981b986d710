//! Environment variables over the file: `HOLDLINE_SERVICE__ANSWER_WITHIN=30s` is `service.answer_within = "30s"`.
//!
//! Two underscores stand for the dot, case does not matter. A queue is addressed by its id, and any character of a name
//! that is no letter or digit can be written as an underscore: `HOLDLINE_QUEUE__BILLING_EU__GOAL` for `billing-eu`. A
//! channel or tier that the file does not name is taken in lower case; a queue has to be in the file, since its id is
//! case-sensitive. A list is written with commas. In the names of Kafka's options, which have dots themselves, one
//! underscore is a dot as well: `HOLDLINE_KAFKA__OPTIONS__SASL_USERNAME` is `sasl.username`. Whether a key exists is
//! judged by whoever reads the tree.

use super::mistake::{Mistake, Place};
use super::typed::{Node, Table, Value};

const PREFIX: &str = "HOLDLINE_";

/// Variables of ours that are no settings: of the state's directory, the command line and the tests.
const NO_SETTINGS: [&str; 6] = ["DATA", "REQUIRE_DATA", "CONFIG", "BLESS", "SEED", "SEEDS"];

/// Lays the variables that are ours over the tree; those that cannot name a key are told in `mistakes`.
pub(super) fn lay_over(table: &mut Table, environment: &[(String, String)], mistakes: &mut Vec<Mistake>) {
    let mut ours: Vec<_> =
        environment.iter().filter_map(|(name, value)| Some((name, key_in(name, value)?, value))).collect();
    ours.sort();
    for (name, key, value) in ours {
        let place = Place::Variable(name.clone());
        let node = Node { place: place.clone(), value: Value::Given(value.clone()) };
        let path: Vec<&str> = key.split("__").collect();
        let result = match path.as_slice() {
            [list, id, rest @ ..] if list.eq_ignore_ascii_case("queue") => {
                queue_meant(table, id).and_then(|queue| put(queue, rest, node))
            }
            [kafka, options, name @ ..] if !name.is_empty() && is_of_options(kafka, options) => {
                put_option(table, [kafka, options], &name.join("."), node)
            }
            [_] => {
                Err("names no key: write a section, two underscores and a key, as in HOLDLINE_SERVICE__GOAL".to_owned())
            }
            path => put(table, path, node),
        };
        if let Err(message) = result {
            mistakes.push(Mistake { place, key: path.join(".").to_lowercase(), message });
        }
    }
}

/// What follows the prefix in a variable that should name a key.
fn key_in<'n>(name: &'n str, value: &str) -> Option<&'n str> {
    let (prefix, key) = name.split_at_checked(PREFIX.len())?;
    let is_setting = prefix.eq_ignore_ascii_case(PREFIX)
        && !NO_SETTINGS.iter().any(|known| key.eq_ignore_ascii_case(known))
        && !is_service_link(key, value);
    is_setting.then_some(key)
}

/// Whether Kubernetes sets such a variable in every pod beside a service called `holdline` or `holdline-something`:
/// `HOLDLINE_SERVICE_HOST=10.0.0.7`, `HOLDLINE_PORT_9847_TCP_ADDR=10.0.0.7` and so on. Nobody typed these.
fn is_service_link(key: &str, value: &str) -> bool {
    let key = format!("_{key}");
    let numbered = |(_, port): (&str, &str)| port.starts_with(|first: char| first.is_ascii_digit());
    !key.contains("__")
        && (key.ends_with("_SERVICE_HOST")
            || key.ends_with("_SERVICE_PORT")
            || key.contains("_SERVICE_PORT_")
            || (key.ends_with("_PORT") && value.contains("://"))
            || key.split_once("_PORT_").is_some_and(numbered))
}

/// Puts the value where the path says, making the sections on the way.
fn put(table: &mut Table, path: &[&str], node: Node) -> Result<(), String> {
    let Some((segment, rest)) = path.split_first() else {
        return Err("names no key: two underscores and a key are missing".to_owned());
    };
    let key = match names_meant(segment, table.keys().map(String::as_str)).as_slice() {
        [written] => (*written).to_owned(),
        _ => segment.to_lowercase(),
    };
    if rest.is_empty() {
        if let Some(Node { place: Place::Variable(other), .. }) = table.get(&key) {
            return Err(format!("{other} sets the same key: unset one of them"));
        }
        table.insert(key, node);
        return Ok(());
    }
    put(section(table, key, segment, &node.place)?, rest, node)
}

/// The section under this key, which a variable calls `segment`; made on its account, at `place`, if it is not there.
fn section<'t>(table: &'t mut Table, key: String, segment: &str, place: &Place) -> Result<&'t mut Table, String> {
    let new = || Node { place: place.clone(), value: Value::Table(Table::new()) };
    match &mut table.entry(key).or_insert_with(new).value {
        Value::Table(inner) => Ok(inner),
        held => Err(format!("names no key: {segment} is {} and holds no keys", held.quoted())),
    }
}

fn is_of_options(section: &str, below: &str) -> bool {
    let options = ["options", "options_from_files"];
    section.eq_ignore_ascii_case("kafka") && options.iter().any(|name| below.eq_ignore_ascii_case(name))
}

/// Puts the value of an option under its whole name, in place of whatever way the file wrote it.
fn put_option(table: &mut Table, path: [&str; 2], name: &str, node: Node) -> Result<(), String> {
    let name = name.to_lowercase().replace('_', ".");
    let mut options = table;
    for segment in path {
        options = section(options, segment.to_lowercase(), segment, &node.place)?;
    }
    if let Some(Node { place: Place::Variable(other), .. }) = options.get(&name) {
        return Err(format!("{other} sets the same option: unset one of them"));
    }
    take_out(options, &name);
    options.insert(name, node);
    Ok(())
}

/// Takes out the key of this path, whether its dots are within the key or between keys.
fn take_out(table: &mut Table, path: &str) {
    table.remove(path);
    for (key, node) in table {
        let rest = path.strip_prefix(key.as_str()).and_then(|rest| rest.strip_prefix('.'));
        if let (Some(rest), Some(inner)) = (rest, node.value.table_mut()) {
            take_out(inner, rest);
        }
    }
}

/// The listed queue that a segment names by its id.
fn queue_meant<'t>(table: &'t mut Table, segment: &str) -> Result<&'t mut Table, String> {
    let listed = match table.get_mut("queue").map(|node| &mut node.value) {
        Some(Value::List(listed)) => listed.as_mut_slice(),
        _ => &mut [],
    };
    let queues: Vec<&mut Table> = listed.iter_mut().filter_map(|node| node.value.table_mut()).collect();
    let id = match names_meant(segment, queues.iter().filter_map(|queue| id_of(queue))).as_slice() {
        [] => return Err(format!("no [[queue]] in the file has the id {segment}: list the queue there")),
        [id] => (*id).to_owned(),
        several => return Err(format!("can mean any of the queues {}: set it in the file", several.join(", "))),
    };
    let queue = queues.into_iter().find(|queue| id_of(queue) == Some(&id));
    Ok(queue.expect("the id was read from one of these"))
}

fn id_of(queue: &Table) -> Option<&str> {
    queue.get("id")?.value.text()
}

/// Those of `names` that a segment of a variable's name can stand for: the one spelled just so, or all that are alike.
fn names_meant<'n>(segment: &str, names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let as_variable = |name: &str| name.to_lowercase().replace(|character: char| !character.is_alphanumeric(), "_");
    let mut alike: Vec<&str> = names.filter(|name| as_variable(name) == as_variable(segment)).collect();
    if let Some(exact) = alike.iter().copied().find(|name| *name == segment) {
        return vec![exact];
    }
    alike.sort_unstable();
    alike.dedup();
    alike
}
