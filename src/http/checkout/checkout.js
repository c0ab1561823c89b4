// Shows the warnings about the time to pay when their moment comes. Both are in the page already, hidden, inside a live
// region, so that they are read aloud when they appear. Nothing is loaded, reloaded or focused: whoever is in the middle
// of something stays there. Without this script the page says until when it can be paid, and warns when it is opened.
"use strict";

(() => {
  const WARNING_MILLISECONDS = 5 * 60 * 1000;
  // Timers longer than this fire at once; the page looks again when it is over.
  const TIMER_MILLISECONDS_MAX = 2 ** 31 - 1;

  const time = document.getElementById("time-left");
  if (!time) return;
  const soon = document.getElementById("time-soon");
  const over = document.getElementById("time-over");
  // The clock of the device may be wrong, so only the time that passes on it counts.
  const left = Date.parse(time.dataset.until) - Date.parse(time.dataset.now);
  const opened = Date.now();
  let timer = 0;

  const look = () => {
    clearTimeout(timer);
    const remaining = left - (Date.now() - opened);
    if (remaining <= 0) {
      soon.hidden = true;
      over.hidden = false;
      return;
    }
    if (remaining <= WARNING_MILLISECONDS) soon.hidden = false;
    const next = remaining > WARNING_MILLISECONDS ? remaining - WARNING_MILLISECONDS : remaining;
    timer = setTimeout(look, Math.min(next, TIMER_MILLISECONDS_MAX));
  };

  // Timers stand still while a device sleeps or a page rests in the background.
  document.addEventListener("visibilitychange", look);
  window.addEventListener("pageshow", look);
  look();
})();
