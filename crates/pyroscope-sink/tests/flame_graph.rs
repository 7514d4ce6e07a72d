//! What can be seen of the stacks that arrived.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here fails a test")]

mod support;

use pyroscope_sink::{FlameGraphError, Selection, Sink};
use support::{post, sink, status};

async fn fed() -> Sink {
    let sink = sink().await;
    for (name, lines) in
        [("orders", "main;hot 12\nmain;cold 3\nmain;hot;main 1"), ("billing{a=b}", "main;sum<T> 5")]
    {
        let name = name.replace('{', "%7B").replace('}', "%7D").replace('=', "%3D");
        assert_eq!(status(&sink, post(&format!("/ingest?name={name}"), &[], lines)).await, 200);
    }
    sink
}

#[tokio::test]
async fn a_flame_graph_shows_the_functions_of_the_selected_application() {
    let sink = fed().await;
    let svg = sink.flame_graph(&Selection::all().app("orders")).unwrap();
    assert!(svg.contains("<svg") && svg.contains("hot (13 count"), "{svg}");
    assert!(svg.contains("orders: samples (count)"), "{svg}");
    assert!(!svg.contains("sum"), "{svg}");
    assert!(sink.flame_graph(&Selection::all()).unwrap().contains("sum&lt;T&gt;"));
}

#[tokio::test]
async fn a_selection_without_stacks_has_no_flame_graph() {
    let sink = fed().await;
    for selection in [Selection::all().app("other"), Selection::all().profile_type("inuse_space")] {
        assert!(matches!(sink.flame_graph(&selection), Err(FlameGraphError::Empty { .. })));
        assert_eq!(sink.folded(&selection), "");
        assert_eq!(sink.top(&selection, 5).functions, []);
    }
}

#[tokio::test]
async fn a_selection_by_label_and_type_takes_what_has_both() {
    let sink = fed().await;
    let selection = Selection::all().label("a", "b").profile_type("samples:count");
    assert_eq!(sink.folded(&selection), "main;sum<T> 5\n");
}

#[tokio::test]
async fn the_top_functions_come_by_their_own_cost_and_count_recursion_once() {
    let sink = fed().await;
    let top = sink.top(&Selection::all().app("orders"), 3);
    assert_eq!(top.sum, 16);
    let rows: Vec<_> = top.functions.iter().map(|hot| (&*hot.function, hot.own, hot.total)).collect();
    assert_eq!(rows, [("hot", 12, 13), ("cold", 3, 3), ("main", 1, 16)]);
    let table = top.to_string();
    assert!(table.contains("75.0%") && table.lines().count() == 4, "{table}");
}
