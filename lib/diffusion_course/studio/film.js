// What is seen: the picture at each step, the words, and each word's map over the picture.

const SHELF = 12; // films that are kept
const HEAT = [0, 1, 2].map((channel) => [[0, 32, 76], [124, 123, 120], [255, 234, 70]].map((c) => c[channel])); // cividis

function heat(x) {
  const [k, part] = x < 0.5 ? [0, 2 * x] : [1, 2 * x - 1];
  return HEAT.map((stops) => Math.round(stops[k] + (stops[k + 1] - stops[k]) * part));
}

function studioFilm(host, { height, width }) {
  const root = makeElement("div", "studio-film", host);
  const stage = makeElement("div", "studio-stage", root);
  stage.style.aspectRatio = `${width} / ${height}`;
  const picture = makeElement("canvas", "studio-picture", stage, {
    width, height, role: "img", "aria-label": "Nothing is painted yet",
  });
  const overlay = makeElement("canvas", "studio-overlay", stage, { width, height, "aria-hidden": "true" });
  const empty = makeElement("p", "studio-empty", stage, {}, "Type what you want to see, and press Enter.");

  const tools = makeElement("div", "studio-tools", root);
  const scrubbing = makeElement("label", "studio-scrub", tools, {}, "Step ");
  const scrub = makeElement("input", "", scrubbing, {
    type: "range", min: 0, max: 0, value: 0, disabled: "", "data-lm-suppress-shortcuts": "true",
  });
  const choosing = makeElement("label", "", tools, {}, "Show ");
  const show = makeElement("select", "studio-show", choosing);
  makeElement("option", "", show, { value: "noisy" }, "where it is");
  makeElement("option", "", show, { value: "belief" }, "what the network believes");
  const save = makeElement("a", "studio-save", tools, { download: "studio.png", hidden: "" }, "Save PNG");
  const where = makeElement("p", "studio-where", root);
  const words = makeElement("div", "studio-words", root, { role: "group", "aria-label": "Words: click one to see its map" });
  const told = makeElement("p", "studio-told", root, { "aria-live": "polite" });
  const shelf = makeElement("div", "studio-shelf", root, { role: "group", "aria-label": "Pictures so far" });

  const films = [];
  let film = null; // { wish, words, frames, done }
  let word = null; // index of the word whose map lies over the picture
  const name = () => (film.wish.prompt.trim() ? `“${film.wish.prompt.trim()}”` : "no prompt");

  // At the last step of a finished film the maps are the mean over all steps.
  function mapsHere(k) {
    const last = film.done && k === film.frames.length - 1;
    return last ? [film.done.maps, "mean over all steps"] : [film.frames[k].maps, `step ${film.frames[k].step}`];
  }

  function draw() {
    if (!film || !film.frames.length) return;
    const k = Number(scrub.value);
    const frame = film.frames[k];
    paintRgb(picture, frame[show.value]);
    empty.hidden = true;
    where.textContent = `Step ${frame.step} of ${frame.steps}` + (frame.step ? `, t = ${frame.t}` : "");
    picture.setAttribute("aria-label", `Picture of ${name()}, seed ${film.wish.seed}, ${where.textContent}`);
    [...words.children].forEach((chip, i) => chip.setAttribute("aria-pressed", String(i === word)));
    drawMap(k);
  }

  function drawMap(k) {
    const pen = overlay.getContext("2d");
    pen.clearRect(0, 0, width, height);
    const [maps, which] = mapsHere(k);
    if (word === null || !maps) {
      told.textContent = word === null ? "" : "No step was taken, so nothing was looked at.";
      return;
    }
    const size = width * height;
    const map = maps.subarray(word * size, (word + 1) * size);
    const [least, most] = [Math.min(...map), Math.max(...map)];
    const percent = (value) => `${((100 * value) / 65535).toFixed(1)} %`;
    const image = pen.createImageData(width, height);
    map.forEach((value, i) => image.data.set([...heat((value - least) / Math.max(most - least, 1)), 155], 4 * i));
    pen.putImageData(image, 0, 0);
    told.textContent =
      `Who looked at “${film.words[word][0]}” (${which}): yellow where a pixel gave it ${percent(most)} of its attention, ` +
      `dark blue where ${percent(least)}.`;
  }

  function drawWords() {
    const before = document.activeElement;
    const at = [...words.children].indexOf(before);
    words.replaceChildren();
    film.words.forEach(([text, read], i) => {
      const chip = makeElement("button", "studio-word", words, { type: "button", "aria-pressed": "false" }, text);
      if (!read) {
        chip.disabled = true;
        chip.title = "Beyond what the text encoder reads";
      }
      chip.addEventListener("click", () => {
        word = word === i ? null : i;
        draw();
      });
    });
    if (at >= 0) words.children[Math.min(at, words.children.length - 1)]?.focus();
  }

  function open(next) {
    // A word stays chosen while the prompt stays the same.
    if (!film || film.wish.prompt !== next.wish.prompt) word = null;
    film = next;
    drawWords();
    rescale();
    scrub.value = String(film.frames.length - 1);
    save.hidden = !film.done;
    if (film.done) save.href = large(film.done.picture);
    draw();
  }
  function rescale() {
    scrub.disabled = film.frames.length < 2;
    scrub.max = String(Math.max(film.frames.length - 1, 0));
  }

  function large(rgb, zoom = 8) {
    const small = Object.assign(document.createElement("canvas"), { width, height });
    paintRgb(small, rgb);
    const canvas = Object.assign(document.createElement("canvas"), { width: zoom * width, height: zoom * height });
    const pen = canvas.getContext("2d");
    pen.imageSmoothingEnabled = false;
    pen.drawImage(small, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL();
  }
  function onShelf(added) {
    films.unshift(added);
    const button = makeElement("button", "studio-kept", shelf, { type: "button", title: `${added.wish.prompt}, seed ${added.wish.seed}` });
    makeElement("img", "", button, { src: large(added.done.picture, 2), alt: `Show again: ${added.wish.prompt || "no prompt"}, seed ${added.wish.seed}` });
    button.addEventListener("click", () => open(added));
    shelf.prepend(button);
    if (films.length > SHELF) {
      films.pop();
      shelf.lastElementChild.remove();
    }
  }

  scrub.addEventListener("input", draw);
  show.addEventListener("change", draw);

  const numbers = (text) => (text === null ? null : new Uint16Array(fromBase64(text).buffer));
  return {
    // The finished picture that is shown, or else the newest one that is.
    get picture() {
      const shown = film?.done ? film : films[0];
      return shown ? { rgb: shown.done.picture, words: shown.wish.prompt } : null;
    },
    // Until its first frame is there, a new film leaves the one before on the screen.
    began(wish, event) {
      return { wish, words: event.words, frames: [], done: null };
    },
    frame(growing, event) {
      const follow = film !== growing || Number(scrub.value) >= growing.frames.length - 1;
      growing.frames.push({ ...event, noisy: fromBase64(event.noisy), belief: fromBase64(event.belief), maps: numbers(event.maps) });
      if (growing.frames.length === 1) return open(growing);
      if (film !== growing) return undefined;
      rescale();
      if (follow) scrub.value = scrub.max;
      return draw();
    },
    done(growing, event) {
      growing.done = { picture: fromBase64(event.picture), maps: numbers(event.maps) };
      onShelf(growing);
      if (film !== growing) return;
      save.href = large(growing.done.picture);
      save.hidden = false;
      draw();
    },
  };
}
