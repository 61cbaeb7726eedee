//! The sample project's documentation, as a person looks at it.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::browser::Browser;
use crate::harness::shell;

const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const DOWN: &str = "\u{e015}";
const LEFT: &str = "\u{e012}";

/// The identifier of a model of the sample project.
fn model(name: &str) -> String {
    format!("model.lanternworks.{name}")
}

#[test]
fn the_page_is_used_as_people_use_it() {
    let Some(browser) = Browser::start() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    crate::sample::copy_to(dir.path());
    add_malice(dir.path());
    let outcome = shell::run(dir.path(), "kiln build --quiet && kiln docs generate --quiet --static");
    assert_eq!(outcome.status, 0, "\n{}", outcome.output);
    let target = dir.path().join("target/kiln");
    let page = format!("file://{}/index.html", target.display());
    let static_page = format!("file://{}/static_index.html", target.display());

    browser.size(1280, 860);
    browser.open(&page);
    overview_tells_of_the_project(&browser);
    search_finds_as_one_types(&browser);
    columns_lead_through_their_lineage(&browser);
    graph_is_focused_and_selected(&browser);
    descriptions_cannot_run_anything(&browser);
    assert_eq!(browser.complaints(), [""; 0]);

    colors_follow_the_system_and_the_reader(&browser, &page);
    phones_show_everything_without_sideways_scrolling(&browser, &static_page);
    assert_eq!(browser.complaints(), [""; 0]);
    files_can_be_opened_by_hand(&browser, &target);
}

/// A model whose description tries to be more than text.
fn add_malice(project: &Path) {
    let text = "<img src=x onerror=\"document.title='owned'\"> <script>document.title='owned'</script> [a](javascript:alert(1)) </script>";
    let properties =
        json!({"models": [{"name": "malice", "description": text, "columns": [{"name": "id", "description": text}]}]});
    // JSON is YAML.
    fs::write(project.join("models/malice.yml"), properties.to_string()).expect("a file can be written");
    fs::write(project.join("models/malice.sql"), "select 1 as id -- </script><img src=x>")
        .expect("a file can be written");
}

fn overview_tells_of_the_project(browser: &Browser) {
    assert_eq!(browser.text("h1"), "Lanternworks");
    assert!(browser.text(".overview-side").contains("passed"), "results of tests are shown");
    let href = "return document.querySelector('.overview-text a.code-link')?.getAttribute('href')";
    assert_eq!(browser.wait("names in text are links", href), json!(format!("#/model/{}", model("unit_profit"))));
    browser.wait("the map is drawn", "return document.querySelector('.map-card canvas')?.dataset.drawn");
    browser.picture("overview");
}

fn search_finds_as_one_types(browser: &Browser) {
    browser.keys("/");
    browser.wait("the search takes keys", "return !!document.activeElement?.matches('.palette input')");
    browser.keys("licen");
    browser.wait("there are results", "return document.querySelectorAll('.hits li').length > 3");
    browser.picture("search");
    browser.keys(DOWN);
    let name = browser.text(".hits li[aria-selected=true] .hit-name");
    browser.keys(ENTER);
    browser.wait("the item is shown", &format!("return document.querySelector('h1')?.innerText === {}", json!(name)));

    // A column, by a part of its name, and a slip of the finger.
    for (typed, expected) in [("recurring_rev", ".recurring_revenue"), ("grwoth_daily", "growth_daily")] {
        browser.keys("/");
        browser.wait("the search takes keys", "return !!document.activeElement?.matches('.palette input')");
        browser.keys(typed);
        let script = format!(
            "return [...document.querySelectorAll('.hit-name')].some(hit => hit.innerText.endsWith({}))",
            json!(expected)
        );
        browser.wait(&format!("`{typed}` finds `{expected}`"), &script);
        browser.keys(ESCAPE);
        browser.wait("the search is closed", "return !document.querySelector('dialog')");
    }
}

fn columns_lead_through_their_lineage(browser: &Browser) {
    browser.go(&format!("#/model/{}", model("growth_daily")));
    assert_eq!(browser.text("h1"), "growth_daily");
    assert!(browser.text("#column-licenses .column-type").contains("int"), "types come from the database");
    assert!(browser.text("#column-licenses .column-tests").contains("value_in_range"));
    browser.wait("the tests have results", "return document.querySelector('#column-licenses .health.h-pass')");
    browser.text("#part-code .t-ref");
    browser.picture("model");
    // From a column to the one that it is made of, there back to it, and to the graph of both.
    browser.click("#column-licenses .column-name a");
    assert!(browser.text("#column-licenses .ends a").starts_with("int_licenses_daily"));
    browser.picture("column");
    browser.click("#column-licenses .ends a");
    let opened = "return document.querySelector('h1')?.innerText === 'int_licenses_daily' && document.querySelector('.column-group.is-open')";
    browser.wait("a click leads to the column that it comes from", opened);
    let back = "return [...document.querySelectorAll('.column-group.is-open .ends a')].find(end => end.innerText.includes('growth_daily'))";
    browser.wait("which goes back to it", back);
    browser.click(".column-group.is-open .column-detail .button");
    browser.wait("the graph shows both", "return document.querySelectorAll('.card-node').length > 2");
    browser.picture("column-lineage");
}

fn graph_is_focused_and_selected(browser: &Browser) {
    browser.go(&format!("#/graph?focus={}&up=1&down=1", model("growth_daily")));
    let cards = "return [...document.querySelectorAll('.card-node')].map(card => card.dataset.id.split('.').pop()).sort().join()";
    let shown = |expected: &str| {
        browser.wait(
            &format!("the graph shows {expected}"),
            &format!("return (() => {{ {cards} }})() === {}", json!(expected)),
        )
    };
    shown("growth_daily,growth_monthly,int_licenses_daily");
    // More of what is not shown, on request.
    browser.click(".opener");
    browser.wait("parents of the parent are shown", "return document.querySelectorAll('.card-node').length > 3");
    // From card to card by keys.
    browser.run("document.querySelector('.card-node.is-focus .card-link').focus()", &[]);
    browser.keys(LEFT);
    browser.wait(
        "the parent has the focus",
        "return document.activeElement.closest('.card-node')?.dataset.id.endsWith('int_licenses_daily')",
    );
    browser.keys(ENTER);
    browser.wait("its page opens", "return document.querySelector('h1')?.innerText === 'int_licenses_daily'");

    browser.keys("g");
    browser.click(".select-field input");
    browser.keys("growth_daily+,resource_type:model");
    browser.keys(ENTER);
    shown("growth_daily,growth_monthly");
    browser.go("#/graph?select=nonsense:x");
    assert!(browser.text(".select-field .problem").contains("nonsense"));
    browser.go("#/graph");
    browser.wait("all is shown", "return document.querySelectorAll('.card-node').length > 30");
    browser.picture("graph");
}

fn descriptions_cannot_run_anything(browser: &Browser) {
    browser.go(&format!("#/model/{}", model("malice")));
    assert!(browser.text(".item-head").contains("<script>"), "HTML is shown as text");
    browser.text(".code .line");
    let counts =
        "return [document.title, document.querySelectorAll('main img, main script, main a[href^=javascript]').length]";
    assert_eq!(browser.run(counts, &[]), json!(["malice · lanternworks", 0]));
}

fn colors_follow_the_system_and_the_reader(browser: &Browser, page: &str) {
    let is_dark = "const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/\\d+/g); return r < 60 && g < 60 && b < 60";
    let dark = || browser.run(is_dark, &[]) == json!(true);
    browser.prefer("dark");
    browser.open(&format!("{page}#/model/{}", model("growth_daily")));
    assert!(dark(), "the page follows the system");
    browser.picture("model-dark");
    // System, light, dark: what was chosen stands, and is remembered.
    browser.click(".theme-button");
    assert!(!dark(), "light was chosen");
    browser.open(page);
    assert!(!dark(), "light is remembered");
    browser.prefer("light");
    browser.click(".theme-button");
    assert!(dark(), "dark was chosen");
    browser.click(".theme-button");
    assert!(!dark(), "the system decides again");
}

fn phones_show_everything_without_sideways_scrolling(browser: &Browser, page: &str) {
    browser.size(390, 844);
    browser.open(page);
    let wide = "const main = document.querySelector('main'); return [document.documentElement.scrollWidth, main.scrollWidth - main.clientWidth]";
    let id = model("growth_daily");
    for hash in [
        "#/",
        "#/all/model",
        "#/all/test",
        "#/graph",
        &format!("#/model/{id}"),
        &format!("#/graph?focus={id}&up=1&down=1"),
    ] {
        browser.go(hash);
        assert_eq!(browser.run(wide, &[]), json!([390, 0]), "{hash}");
    }
    browser.go(&format!("#/model/{id}"));
    browser.picture("phone");
    browser.click(".menu-button");
    browser.click(".side a[href='#/all/source']");
    browser.wait(
        "the list opens and the menu closes",
        "return document.querySelector('h1')?.innerText.startsWith('Sources') && !document.querySelector('.side.open')",
    );
    browser.click(".search-button");
    browser.keys("support");
    browser.click(".hits li");
    browser.wait("a tap opens what was found", "return document.querySelector('.item-page')");
    browser.size(1280, 860);
}

/// The page without data reads artifacts as they are, as those of dbt.
fn files_can_be_opened_by_hand(browser: &Browser, target: &Path) {
    let elsewhere = tempfile::tempdir().expect("a temporary folder can be made");
    fs::copy(target.join("index.html"), elsewhere.path().join("index.html")).expect("the page can be copied");
    browser.open(&format!("file://{}/index.html", elsewhere.path().display()));
    assert_eq!(browser.text("h1"), "Open a project");
    browser.choose_files("input[type=file]", &[&target.join("manifest.json"), &target.join("catalog.json")]);
    browser.wait("the project is shown", "return document.querySelector('h1')?.innerText === 'Lanternworks'");
    browser.go(&format!("#/model/{}/code", model("growth_daily")));
    assert!(browser.text(".code").contains("int_licenses_daily"), "code is read too");
}
