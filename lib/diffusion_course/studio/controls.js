// Everything that says what to paint. `wish()` is what to ask for; onWish is called when it shall be asked.

const REST = 300; // ms without a change, after which a dragged slider has come to rest
const BEGINNINGS = { noise: "noise", picture: "a picture, noised in part", hole: "a picture with a hole" };
const NUMBER_HELP = {
  guidance: "1 is off; higher follows the words more closely",
  steps: "from noise to picture",
  seed: "another number, other noise",
  strength: "0 keeps the picture, 1 forgets it",
};
let controlsMade = 0; // for ids, which must differ where a notebook shows the studio twice

function studioControls(host, about, { onWish, onStop, takePicture }) {
  const { height, width, numbers, defaults } = about;
  const id = (name) => `studio-${name}-${number}`;
  const number = (controlsMade += 1);
  const form = makeElement("form", "studio-controls", host, { autocomplete: "off" });
  const line = (name, words, help = "") => {
    const row = makeElement("div", `studio-row studio-row-${name}`, form);
    makeElement("label", "", row, { for: id(name) }, words);
    if (help) makeElement("span", "studio-help", row, { id: id(`${name}-help`) }, help);
    return row;
  };
  const described = (name) => ({ id: id(name), name, "aria-describedby": id(`${name}-help`) });

  const prompt = makeElement("input", "", line("prompt", "Prompt"), {
    id: id("prompt"), name: "prompt", type: "text", placeholder: "a large red star at the top left on a blue background",
  });
  const go = makeElement("div", "studio-row studio-go", form);
  makeElement("button", "studio-paint", go, { type: "submit" }, "Paint");
  const stop = makeElement("button", "studio-stop", go, { type: "button", disabled: "" }, "Stop");

  const sliders = {};
  function slider(name) {
    const row = line(name, name[0].toUpperCase() + name.slice(1), NUMBER_HELP[name]);
    const { min, max, step } = numbers[name];
    const input = makeElement("input", "", row, { ...described(name), type: "range", min, max, step });
    const shown = makeElement("output", "", row, { for: id(name) });
    const show = () => (shown.textContent = input.value);
    input.value = String(defaults[name]);
    show();
    input.addEventListener("input", () => {
      show();
      changed();
    });
    sliders[name] = { input, show };
    return row;
  }
  slider("guidance");
  slider("steps");
  slider("seed");
  const sampler = makeElement("select", "", line("sampler", "Sampler"), { id: id("sampler"), name: "sampler" });
  for (const name of about.samplers) makeElement("option", "", sampler, { value: name }, name);
  const negative = makeElement("input", "", line("negative", "Negative prompt", "what to lead away from"), {
    ...described("negative"), type: "text",
  });

  const beginning = makeElement("fieldset", "studio-begin", form);
  makeElement("legend", "", beginning, {}, "Begin with");
  for (const [value, words] of Object.entries(BEGINNINGS)) {
    const label = makeElement("label", "", beginning);
    const radio = makeElement("input", "", label, { type: "radio", name: `begin-${number}`, value });
    radio.checked = value === defaults.begin;
    label.append(` ${words}`);
  }
  const begin = () => beginning.querySelector("input:checked").value;
  const base = makeElement("div", "studio-base", beginning);
  const strengthRow = slider("strength");
  base.append(strengthRow);
  const plain = makeElement("canvas", "studio-base-picture", base, {
    width, height, role: "img", "aria-label": "No picture to begin with yet",
  });
  const holder = makeElement("div", "", base);
  const painter = maskPainter(holder, { height, width, label: "Mask: what to paint anew", onChange: () => changed() });
  const sources = makeElement("div", "studio-go", base);
  const take = makeElement("button", "studio-take", sources, { type: "button" }, "Take the painted picture");
  const chosen = makeElement("label", "studio-file", sources, {}, "or a file: ");
  const file = makeElement("input", "", chosen, { type: "file", accept: "image/*" });

  let picture = null; // bytes, red green blue
  let asked = null; // the last wish: before the first one, sliders ask for nothing
  let timer;
  function changed() {
    clearTimeout(timer);
    if (asked) timer = setTimeout(ask, REST);
  }
  function ask() {
    clearTimeout(timer);
    asked = wish();
    onWish(asked);
  }
  function wish() {
    const made = { prompt: prompt.value, negative: negative.value, sampler: sampler.value, begin: begin() };
    for (const [name, { input }] of Object.entries(sliders)) made[name] = Number(input.value);
    if (made.begin !== "noise" && picture) made.picture = toBase64(picture);
    if (made.begin === "hole") made.mask = toBase64(painter.mask);
    return made;
  }
  function setPicture(rgb, words) {
    picture = rgb;
    paintRgb(plain, rgb);
    painter.setPicture(rgb);
    plain.setAttribute("aria-label", `The picture to begin with: ${words}`);
  }
  function showBase() {
    base.hidden = begin() === "noise";
    plain.hidden = strengthRow.hidden = begin() !== "picture";
    holder.hidden = begin() !== "hole";
    if (!picture && begin() !== "noise") takeIt();
  }
  function takeIt() {
    const taken = takePicture();
    if (taken) setPicture(taken.rgb, taken.words);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  // Enter in a text paints. A form would do it by itself, but JupyterLab takes a line break in a cell away from it.
  // While an input method composes a word, Enter takes that word.
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || event.target.type !== "text") return;
    event.preventDefault();
    form.requestSubmit();
  });
  stop.addEventListener("click", onStop);
  sampler.addEventListener("change", changed);
  // Enter has asked already; the field tells of its change when it is left.
  negative.addEventListener("change", () => negative.value !== asked?.negative && changed());
  beginning.addEventListener("change", (event) => {
    if (event.target.type !== "radio") return;
    showBase();
    // A hole must be painted first.
    if (begin() !== "hole" || painter.mask.some((value) => value)) changed();
  });
  take.addEventListener("click", () => {
    takeIt();
    changed();
  });
  file.addEventListener("change", async () => {
    if (!file.files.length) return;
    try {
      setPicture(await pictureOfFile(file.files[0], width, height), file.files[0].name);
      file.setCustomValidity("");
      changed();
    } catch {
      file.setCustomValidity("This file must be a picture that the browser can read.");
      file.reportValidity();
    }
  });
  // JupyterLab would take keys for its shortcuts.
  form.setAttribute("data-lm-suppress-shortcuts", "true");
  showBase();

  return {
    // Marks the field whose rule was broken, or none.
    mark(field) {
      for (const input of form.querySelectorAll("[name]")) {
        if (field && input.name === field) input.setAttribute("aria-invalid", "true");
        else input.removeAttribute("aria-invalid");
      }
    },
    working(yes) {
      stop.disabled = !yes;
      form.classList.toggle("studio-working", yes);
    },
  };
}
