//! What each format makes of the same families, worked out by hand.

use super::protobuf::Native;
use super::*;

/// A counter with a label that needs care, a gauge without labels, a family without samples, and a histogram.
fn told(format: Format) -> Vec<u8> {
    let mut writer = format.writer();
    let sink = writer.sink();
    sink.family(Head { name: "calls_total", kind: Kind::Counter, help: "All \"calls\".\nBack\\slash." });
    sink.number(&[("queue", "a\"b\\c\nd")], 3.0);
    sink.number(&[("queue", "ü"), ("tier", "")], 1e21);
    sink.family(Head { name: "nothing", kind: Kind::Gauge, help: "Nothing." });
    sink.family(Head { name: "age_seconds", kind: Kind::Gauge, help: "Age." });
    sink.number(&[], -0.25);
    sink.family(Head { name: "wait_seconds", kind: Kind::Histogram, help: "Waits." });
    let at = Duration::from_millis(1_700_000_000_120);
    let histogram = Histogram {
        count: 4,
        sum: 321.5,
        buckets: &[(0.5, 1), (20.0, 3)],
        cells: Some(&[(0, 1), (20_000, 2), (300_000, 1)]),
        exemplars: &[
            Exemplar { contact_id: "c\"1", seconds: 20.0, at },
            Exemplar { contact_id: "c2", seconds: 281.5, at },
        ],
    };
    sink.histogram(&[("queue", "q")], &histogram);
    [&writer.written(), format.ending()].concat()
}

#[test]
fn text_is_what_everybody_reads() {
    let expected = r#"# HELP calls_total All "calls".\nBack\\slash.
# TYPE calls_total counter
calls_total{queue="a\"b\\c\nd"} 3
calls_total{queue="ü",tier=""} 1000000000000000000000
# HELP age_seconds Age.
# TYPE age_seconds gauge
age_seconds -0.25
# HELP wait_seconds Waits.
# TYPE wait_seconds histogram
wait_seconds_bucket{queue="q",le="0.5"} 1
wait_seconds_bucket{queue="q",le="20"} 3
wait_seconds_bucket{queue="q",le="+Inf"} 4
wait_seconds_sum{queue="q"} 321.5
wait_seconds_count{queue="q"} 4
"#;
    assert_eq!(String::from_utf8(told(Format::Text)).unwrap(), expected);
}

#[test]
fn openmetrics_has_units_and_exemplars() {
    let expected = r#"# TYPE calls counter
# HELP calls All \"calls\".\nBack\\slash.
calls_total{queue="a\"b\\c\nd"} 3
calls_total{queue="ü",tier=""} 1000000000000000000000
# TYPE age_seconds gauge
# UNIT age_seconds seconds
# HELP age_seconds Age.
age_seconds -0.25
# TYPE wait_seconds histogram
# UNIT wait_seconds seconds
# HELP wait_seconds Waits.
wait_seconds_bucket{queue="q",le="0.5"} 1
wait_seconds_bucket{queue="q",le="20.0"} 3 # {contact_id="c\"1"} 20 1700000000.120
wait_seconds_bucket{queue="q",le="+Inf"} 4 # {contact_id="c2"} 281.5 1700000000.120
wait_seconds_sum{queue="q"} 321.5
wait_seconds_count{queue="q"} 4
# EOF
"#;
    assert_eq!(String::from_utf8(told(Format::OpenMetrics)).unwrap(), expected);
}

/// A message told field by field: its number, and a number or bytes.
#[derive(Clone, PartialEq, Debug)]
enum Field {
    Number(u64),
    Double(f64),
    Bytes(Vec<u8>),
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..).step_by(7) {
        let (first, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        number |= u64::from(first & 0x7F) << shift;
        if first & 0x80 == 0 {
            break;
        }
    }
    number
}

fn take<'b>(bytes: &mut &'b [u8], length: u64) -> &'b [u8] {
    let (taken, rest) = bytes.split_at(usize::try_from(length).unwrap());
    *bytes = rest;
    taken
}

fn fields(mut bytes: &[u8]) -> Vec<(u64, Field)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let field = match key & 7 {
            0 => Field::Number(varint(&mut bytes)),
            1 => Field::Double(f64::from_le_bytes(take(&mut bytes, 8).try_into().unwrap())),
            2 => {
                let length = varint(&mut bytes);
                Field::Bytes(take(&mut bytes, length).to_vec())
            }
            wire => panic!("{wire}"),
        };
        fields.push((key >> 3, field));
    }
    fields
}

/// The fields of this number that are messages themselves.
fn messages(of: &[(u64, Field)], number: u64) -> Vec<Vec<(u64, Field)>> {
    let of_number = of.iter().filter(|(known, _)| *known == number);
    of_number
        .map(|(_, field)| if let Field::Bytes(bytes) = field { fields(bytes) } else { panic!("{field:?}") })
        .collect()
}

fn text(text: &str) -> Field {
    Field::Bytes(text.as_bytes().to_vec())
}

#[test]
fn protocol_buffers_have_native_buckets_and_exemplars() {
    let told = told(Format::Protobuf);
    let mut bytes = &told[..];
    let mut families = Vec::new();
    while !bytes.is_empty() {
        let length = varint(&mut bytes);
        families.push(fields(take(&mut bytes, length)));
    }
    let heads: Vec<_> = families.iter().map(|family| (family[0].1.clone(), family[2].1.clone())).collect();
    let expected = [("calls_total", 0), ("age_seconds", 1), ("wait_seconds", 4)];
    assert_eq!(heads, expected.map(|(name, kind)| (text(name), Field::Number(kind))));

    let calls = messages(&families[0], 4);
    assert_eq!(messages(&calls[0], 1), [[(1, text("queue")), (2, text("a\"b\\c\nd"))]]);
    assert_eq!(messages(&calls[0], 3), [[(1, Field::Double(3.0))]]);
    assert_eq!(messages(&calls[1], 1)[1], [(1, text("tier")), (2, text(""))]);
    assert_eq!(messages(&messages(&families[1], 4)[0], 2), [[(1, Field::Double(-0.25))]]);

    let waits = messages(&messages(&families[2], 4)[0], 7).remove(0);
    let numbers: Vec<_> = waits.iter().filter(|(_, field)| !matches!(field, Field::Bytes(_))).cloned().collect();
    // Schema 3 as 6: numbers of either sign take turns.
    let expected = [
        (1, Field::Number(4)),
        (2, Field::Double(321.5)),
        (5, Field::Number(6)),
        (6, Field::Double(0.000_5)),
        (7, Field::Number(1)),
    ];
    assert_eq!(numbers, expected);
    let at = [(1, Field::Number(1_700_000_000)), (2, Field::Number(120_000_000))];
    let exemplar = |message: &[(u64, Field)], id: &str, seconds: f64| {
        assert_eq!(messages(message, 1), [[(1, text("contact_id")), (2, text(id))]]);
        assert_eq!(message[1], (2, Field::Double(seconds)));
        assert_eq!(messages(message, 3), std::slice::from_ref(&at));
    };
    let buckets = messages(&waits, 3);
    for (bucket, (within, bound, of)) in
        buckets.iter().zip([(1, 0.5, None), (3, 20.0, Some(("c\"1", 20.0))), (4, f64::INFINITY, Some(("c2", 281.5)))])
    {
        assert_eq!(bucket[..2], [(1, Field::Number(within)), (2, Field::Double(bound))]);
        let exemplars = messages(bucket, 3);
        assert_eq!(exemplars.len(), usize::from(of.is_some()));
        of.into_iter().zip(&exemplars).for_each(|((id, seconds), message)| exemplar(message, id, seconds));
    }
    assert_eq!(buckets.len(), 3);
    // 20 s are in the bucket up to 2^(35/8) s, 300 s in the one up to 2^(66/8): thirty lie between.
    let spans = messages(&waits, 12);
    let span = |offset: u64, length: u64| [(1, Field::Number(2 * offset)), (2, Field::Number(length))];
    assert_eq!(spans, [span(35, 1), span(30, 1)]);
    // 2, and 1 less than that.
    assert_eq!(waits.iter().find(|(number, _)| *number == 13), Some(&(13, Field::Bytes(vec![4, 1]))));
    let tail = messages(&waits, 16);
    assert_eq!(tail.len(), 2);
    exemplar(&tail[0], "c\"1", 20.0);
    exemplar(&tail[1], "c2", 281.5);
}

#[test]
fn runs_of_native_buckets_are_those_of_the_specification() {
    let native = Native::with([(-2, 3), (-1, 5), (2, 1), (4, 3), (5, 2)]);
    assert_eq!(native.spans, [(-2, 2), (2, 1), (1, 2)]);
    assert_eq!(native.deltas, [3, 2, -4, 2, -1]);
    assert_eq!(Native::with([]), Native::default());
}

#[test]
fn the_format_is_the_one_that_is_liked_best() {
    const TWO: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                       text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    const NATIVE: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,\
                          application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    const THREE: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                         text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    for (accept, expected) in [
        (None, Format::Text),
        (Some(""), Format::Text),
        (Some("*/*"), Format::Text),
        (Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Format::Text),
        (Some(TWO), Format::OpenMetrics),
        (Some(NATIVE), Format::Protobuf),
        (Some(THREE), Format::OpenMetrics),
        (Some("application/openmetrics-text"), Format::OpenMetrics),
        (Some("application/openmetrics-text; version=\"1.0.0\"; charset=utf-8"), Format::OpenMetrics),
        (Some("application/openmetrics-text; version=2.0.0"), Format::Text),
        (Some("application/openmetrics-text;q=0.5, text/plain"), Format::Text),
        (Some("application/openmetrics-text;q=0"), Format::Text),
        (Some("text/plain, application/openmetrics-text"), Format::Text),
        (Some("application/vnd.google.protobuf; encoding=text"), Format::Text),
        (Some(";;,q"), Format::Text),
    ] {
        assert_eq!(Format::accepted(accept), expected, "{accept:?}");
    }
}

#[test]
fn pages_are_packed_for_those_who_take_it() {
    for (accept, expected) in [
        (None, false),
        (Some(""), false),
        (Some("gzip"), true),
        (Some("deflate, GZIP;q=0.5"), true),
        (Some("gzip;q=0"), false),
        (Some("gzip; q=0, *"), false),
        (Some("*"), true),
        (Some("br"), false),
    ] {
        assert_eq!(takes_gzip(accept), expected, "{accept:?}");
    }
}
