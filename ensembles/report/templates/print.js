"use strict";
(() => {
  // Pictures are drawn for the screen's width: on paper they are shrunk as they are, since they cannot be drawn anew in time.
  const PAGE = 700;
  const pictures = [...document.querySelectorAll(".picture")];
  const closed = [...document.querySelectorAll("details:not([open])")];
  addEventListener("beforeprint", () => {
    closed.forEach((part) => { part.open = true; });
    const widths = pictures.map((picture) => picture.offsetWidth);
    pictures.forEach((picture, i) => {
      const room = picture.closest(".columns") ? PAGE / 2 - 10 : PAGE;
      picture.style.width = `${widths[i]}px`;
      picture.style.zoom = Math.min(1, room / widths[i]);
    });
  });
  addEventListener("afterprint", () => {
    pictures.forEach((picture) => { picture.style.width = picture.style.zoom = ""; });
    closed.forEach((part) => { part.open = false; });
  });
})();
