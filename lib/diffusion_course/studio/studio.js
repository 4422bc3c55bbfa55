// The studio: controls, film, and a line that says how it goes. `ask(wish, tell)` is the face's way to the engine: it
// calls tell with each event, the last one being "done", "cancelled", "failed" or "refused", and returns what ends it.

function studio(host, about, ask) {
  const root = makeElement("div", "studio", host);
  const left = makeElement("section", "studio-left", root, { "aria-label": "What to paint" });
  const right = makeElement("section", "studio-right", root, { "aria-label": "What is painted" });
  const status = makeElement("p", "studio-status", right, { role: "status" });
  const fault = makeElement("p", "studio-fault", right, { role: "alert" });
  const film = studioFilm(right, about);
  let newest = 0; // number of the newest wish: what older ones still tell is not shown
  let end = () => {};

  const controls = studioControls(left, about, {
    takePicture: () => film.picture,
    onStop() {
      newest += 1;
      end();
      settle("Stopped.");
    },
    onWish(wish) {
      end();
      const mine = (newest += 1);
      let growing = null;
      controls.working(true);
      controls.mark("");
      fault.textContent = "";
      status.textContent = "Painting …";
      end = ask(wish, (event) => {
        if (mine !== newest) return;
        const told = { began, frame, done, cancelled: failed, refused: failed, failed };
        told[event.kind](event);
      });
      function began(event) {
        growing = film.began(wish, event);
        fault.textContent = event.warnings.join(" ");
      }
      function frame(event) {
        film.frame(growing, event);
        status.textContent = `Painting: step ${event.step} of ${event.steps}`;
      }
      function done(event) {
        film.done(growing, event);
        settle(`Painted in ${event.seconds.toFixed(1)} s.`);
      }
      function failed(event) {
        controls.mark(event.field);
        fault.textContent = event.message;
        settle("");
      }
    },
  });
  function settle(words) {
    controls.working(false);
    status.textContent = words;
  }
  const holes = about.hole_model === about.model ? "" : `, ${about.hole_model} for holes`;
  makeElement("p", "studio-about", left, {}, `Model: ${about.model}${holes}. ${about.width} x ${about.height} pixels.`);
  return () => {
    newest += 1;
    end();
  };
}
