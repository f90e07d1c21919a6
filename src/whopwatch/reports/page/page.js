"use strict";
// The page works without this script, which adds a filter, a theme, copy buttons, and printing of folded parts.
const root = document.documentElement;
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// Theme: system, light, dark. A file opened from disk may have no storage.
const store = {
  get: () => { try { return localStorage.getItem("whopwatch-theme"); } catch { return null; } },
  set: (value) => { try { localStorage.setItem("whopwatch-theme", value); } catch { /* stays for this visit */ } },
};
const themes = ["system", "light", "dark"];
const button = document.getElementById("theme");
const show = (theme) => {
  root.dataset.theme = theme;
  button.textContent = `theme: ${theme}`;
};
show(themes.includes(store.get()) ? store.get() : "system");
button.hidden = false;
button.addEventListener("click", () => {
  const next = themes[(themes.indexOf(root.dataset.theme) + 1) % themes.length];
  show(next);
  store.set(next);
});

// Filter: every word must occur somewhere in the finding, folded parts included.
const filter = document.getElementById("filter");
if (filter) {
  const severity = document.getElementById("severity");
  const state = document.getElementById("state"); // only for a run with a baseline
  const shown = document.getElementById("shown");
  const findings = all(".finding").map((node) => ({ node, text: null }));
  const apply = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const isFiltered = words.length > 0 || severity.value !== "" || Boolean(state?.value);
    let count = 0;
    for (const finding of findings) {
      finding.text ??= finding.node.textContent.toLowerCase();
      const fits = (!severity.value || finding.node.dataset.severity === severity.value)
        && (!state?.value || finding.node.dataset.state === state.value)
        && words.every((word) => finding.text.includes(word));
      finding.node.hidden = !fits;
      count += fits ? 1 : 0;
    }
    for (const group of all("section > .group:has(.finding)")) {
      const left = all(":scope > .finding:not([hidden])", group).length;
      group.hidden = left === 0;
      const total = group.querySelector(":scope > summary > .count"); // the list of open findings has no heading
      if (total) total.textContent = left;
      if (isFiltered && left) group.open = true;
    }
    shown.textContent = isFiltered ? `${count} of ${findings.length}` : "";
  };
  let waiting;
  filter.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(apply, 80); });
  severity.addEventListener("change", apply);
  state?.addEventListener("change", apply);
  document.querySelector(".tools").hidden = false;
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.ctrlKey && !event.metaKey && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
      event.preventDefault();
      filter.focus();
    } else if (event.key === "Escape" && event.target === filter) {
      filter.value = "";
      apply();
    }
  });
}

// Copy to the clipboard; if the browser does not allow it, select the text.
document.addEventListener("click", async (event) => {
  const copy = event.target.closest?.(".copy");
  if (!copy) return;
  const code = copy.parentElement.querySelector("code");
  try {
    await navigator.clipboard.writeText(code.textContent);
    copy.textContent = "copied";
    setTimeout(() => { copy.textContent = "copy"; }, 1500);
  } catch {
    getSelection().selectAllChildren(code);
  }
});

// A link to a finding unfolds it and the groups around it.
const openTarget = () => {
  const target = location.hash.startsWith("#f-") && document.getElementById(location.hash.slice(1));
  for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
  if (target) target.scrollIntoView();
};
addEventListener("hashchange", openTarget);
openTarget();

// On paper a reader cannot unfold anything.
let folded = [];
addEventListener("beforeprint", () => {
  folded = all("details:not([open])");
  for (const node of folded) node.open = true;
});
addEventListener("afterprint", () => { for (const node of folded) node.open = false; });
