//! Pages at the edge of what an entry can count.

use holdline::engine::page::{Change, PAGE_MS, Pages, Speaks};
use holdline::engine::settings::SlotWidths;
use holdline::engine::tally::{Cell, CellSet, Measure};

#[test]
fn counts_beyond_what_an_entry_holds_are_exact_and_restored() {
    const EACH: u64 = 70_000;
    let mut pages = Pages::new(SlotWidths::default());
    let cells = CellSet::of(&[Cell::Offered, Cell::Overdue]);
    let change_all = |pages: &mut Pages, change| {
        for time in (0..EACH).flat_map(|_| [0, 10_000]) {
            pages.count(change, time, Speaks::ForBoth, cells);
        }
    };
    let counted = |pages: &Pages, to| {
        let cells = pages.cells(0, to, Measure::Wait);
        (cells[Cell::Offered], cells[Cell::Overdue])
    };
    change_all(&mut pages, Change::Book);
    assert_eq!(counted(&pages, 10_000), (EACH, EACH));
    assert_eq!(counted(&pages, PAGE_MS), (2 * EACH, 2 * EACH));
    let held = pages.pages().iter().map(|(number, page)| (*number, page.counts().to_vec(), Vec::new()));
    let restored = Pages::restore(SlotWidths::default(), pages.aged(), held.collect()).expect("they were held so");
    assert_eq!(counted(&restored, PAGE_MS), (2 * EACH, 2 * EACH));
    pages.age(PAGE_MS, 0, |_, _, _, _| {});
    assert_eq!(counted(&pages, PAGE_MS), (2 * EACH, 2 * EACH));
    change_all(&mut pages, Change::TakeBack);
    assert!(pages.pages().is_empty());
}
