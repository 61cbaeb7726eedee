//! A browser without a window, led over WebDriver.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};

/// How long a page may take to do what is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A browser and the driver that leads it; both end with this.
pub struct Browser {
    driver: Child,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts a browser; `None`, said aloud, where there is no driver.
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    pub fn start() -> Option<Self> {
        let program = env::var("KILN_CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".to_owned());
        let started = Command::new(&program).arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut driver = match started {
            Ok(driver) => driver,
            Err(error) if env::var_os("KILN_TEST_BROWSER").is_none() => {
                eprintln!("skipped: there is no browser to test with: {program}: {error}");
                return None;
            }
            Err(error) => panic!("{program}: {error}"),
        };
        let lines = BufReader::new(driver.stdout.take().expect("its output is piped")).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let address = format!("http://127.0.0.1:{}/session", port.expect("the driver says its port"));
        let profile = tempfile::tempdir().expect("a temporary folder can be made");
        let answer = post(&address, &capabilities(profile.path()));
        let session = format!("{address}/{}", answer["sessionId"].as_str().unwrap_or_default());
        // Made first, so that the driver ends with it.
        let browser = Self { driver, session, _profile: profile };
        if answer["sessionId"].is_string() {
            return Some(browser);
        }
        assert!(env::var_os("KILN_TEST_BROWSER").is_none(), "a browser starts: {answer}");
        eprintln!("skipped: there is no browser to test with: {answer}");
        None
    }

    /// Opens an address and waits until the page is drawn.
    pub fn open(&self, address: &str) {
        // Only a change after the `#` would not load the page anew.
        self.post("url", &json!({"url": "about:blank"}));
        self.post("url", &json!({"url": address}));
        self.wait("the page is drawn", "return document.querySelector('.app, .open-page')");
    }

    /// Goes to a place of the page that is open.
    pub fn go(&self, hash: &str) {
        self.run("location.hash = arguments[0]", &[json!(hash)]);
        self.wait("the page changed", "return new Promise(done => setTimeout(() => done(true), 60))");
    }

    /// Runs a script in the page.
    #[track_caller]
    pub fn run(&self, script: &str, arguments: &[Value]) -> Value {
        self.post("execute/sync", &json!({"script": script, "args": arguments}))
    }

    /// Waits until a script gives something, and returns that.
    #[track_caller]
    pub fn wait(&self, what: &str, script: &str) -> Value {
        let started = Instant::now();
        loop {
            let found = self.run(script, &[]);
            if !matches!(found, Value::Null | Value::Bool(false)) {
                return found;
            }
            let shown = || self.run("return [location.href, document.body.innerText.slice(0, 2000)]", &[]);
            assert!(started.elapsed() < PATIENCE, "waited in vain: {what}\n{script}\n{}", shown());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The text of an element, once it is there.
    #[track_caller]
    pub fn text(&self, selector: &str) -> String {
        // What is drawn has no inner text.
        let script =
            format!("const it = document.querySelector({}); return it?.innerText ?? it?.textContent", json!(selector));
        self.wait(&format!("there is `{selector}`"), &script).as_str().unwrap_or_default().to_owned()
    }

    /// Clicks an element, once it is there, as a person does.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        self.text(selector);
        let path = format!("element/{}/click", self.element(selector));
        let started = Instant::now();
        // What slides in cannot be clicked at once.
        while let answer = post(&format!("{}/{path}", self.session), &json!({}))
            && !answer["error"].is_null()
        {
            let is_on_its_way = answer["error"] == "element not interactable" && started.elapsed() < PATIENCE;
            assert!(is_on_its_way, "{selector}: {answer}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Chooses files in a field.
    pub fn choose_files(&self, selector: &str, files: &[&Path]) {
        let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        let element = self.element(selector);
        self.post(&format!("element/{element}/value"), &json!({"text": names.join("\n")}));
    }

    /// Types letters, or keys by their code points of WebDriver.
    pub fn keys(&self, text: &str) {
        let both = |key: char| [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})];
        let actions: Vec<Value> = text.chars().flat_map(both).collect();
        self.post("actions", &json!({"actions": [{"type": "key", "id": "keys", "actions": actions}]}));
    }

    /// Makes the window so large, as a phone if it is narrow.
    pub fn size(&self, width: u32, height: u32) {
        let is_phone = width < 600;
        let scale = if is_phone { 2 } else { 1 };
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": scale, "mobile": is_phone});
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// Sets the colors that the system is said to prefer: `dark` or `light`.
    pub fn prefer(&self, colors: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": colors}]);
        self.devtools("Emulation.setEmulatedMedia", &json!({"features": features}));
    }

    /// Writes a picture into the folder `KILN_SCREENSHOTS`, if that is set.
    pub fn picture(&self, name: &str) {
        let Some(folder) = env::var_os("KILN_SCREENSHOTS") else { return };
        // Pointers leave traces, and animations take their time.
        self.wait("animations ended", "return document.getAnimations().every(a => a.playState !== 'running')");
        let address = format!("{}/screenshot", self.session);
        let picture = value(agent().get(&address).call());
        let bytes = base64::engine::general_purpose::STANDARD.decode(picture.as_str().unwrap_or_default());
        let path = Path::new(&folder).join(format!("{name}.png"));
        std::fs::write(path, bytes.expect("the picture is base64")).expect("a picture can be written");
    }

    /// What the page complained of since it was last asked.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.post("se/log", &json!({"type": "browser"}));
        let lines = log.as_array().into_iter().flatten();
        lines.map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    fn element(&self, selector: &str) -> String {
        let found = self.post("element", &json!({"using": "css selector", "value": selector}));
        let id = found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str);
        id.unwrap_or_else(|| panic!("there is `{selector}`: {found}")).to_owned()
    }

    fn devtools(&self, command: &str, parameters: &Value) {
        self.post("goog/cdp/execute", &json!({"cmd": command, "params": parameters}));
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        let answer = post(&format!("{}/{path}", self.session), body);
        assert!(answer.get("error").is_none(), "{path} {body}: {answer}");
        answer
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = agent().delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn capabilities(profile: &Path) -> Value {
    let args = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        "--window-size=1280,860",
    ];
    let mut args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    args.push(format!("--user-data-dir={}", profile.display()));
    json!({"capabilities": {"alwaysMatch": {
        "goog:chromeOptions": {"args": args},
        "goog:loggingPrefs": {"browser": "ALL"},
    }}})
}

/// An agent that takes errors as answers: WebDriver says in them what is wrong.
fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

#[track_caller]
fn post(address: &str, body: &Value) -> Value {
    value(agent().post(address).send(body.to_string()))
}

/// What an answer of the driver holds.
#[track_caller]
fn value(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Value {
    let text = answer.and_then(|mut answer| answer.body_mut().with_config().limit(1 << 30).read_to_string());
    let mut answer: Value = serde_json::from_str(&text.expect("the driver answers")).expect("the answer is JSON");
    answer["value"].take()
}
