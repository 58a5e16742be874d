"use strict";
(() => {
  const rows = [...document.querySelectorAll("#tasks details, #brief tbody tr")];
  const box = document.getElementById("filter");
  const only = document.getElementById("only");
  const said = document.getElementById("shown");
  if (!box || rows.length === 0) return;
  document.getElementById("filters").hidden = false;
  const text = rows.map((r) => r.textContent.toLowerCase());
  const apply = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    rows.forEach((r, i) => {
      const fits = words.every((w) => text[i].includes(w)) &&
        (only.value === "" || r.dataset.kind.split(" ").includes(only.value));
      r.hidden = !fits;
      if (fits) n++;
    });
    said.textContent = n + " of " + rows.length + " shown";
  };
  box.addEventListener("input", apply);
  only.addEventListener("change", apply);
  document.addEventListener("keydown", (e) => {
    if (e.key === "/" && document.activeElement !== box) { e.preventDefault(); box.focus(); }
    if (e.key === "Escape" && document.activeElement === box) { box.value = ""; apply(); box.blur(); }
  });
  apply();
})();
