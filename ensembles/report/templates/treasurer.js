"use strict";
(() => {
  const { days, picks, views: packed, planned, form } = JSON.parse(document.getElementById("ahead-data").textContent);
  const at = (id) => document.getElementById(id);
  const [pick, from, to] = ["pick", "from", "to"].map(at);
  const NET = "net flow";
  const dateOf = (i) => days[i][0];

  // -- parts of a page: text is always text

  const set = (node, traits, parts) => {
    Object.entries(traits).forEach(([name, value]) => { if (value !== null) node.setAttribute(name, value); });
    node.append(...parts.filter((part) => part !== null && part !== ""));
    return node;
  };
  const make = (tag, traits = {}, ...parts) => set(document.createElement(tag), traits, parts);
  const draw = (tag, traits = {}, ...parts) => set(document.createElementNS("http://www.w3.org/2000/svg", tag), traits, parts);
  const unsigned = (text) => (/[1-9]/.test(text) ? text : text.replace("-", ""));
  const amount = (v, decimals) => (v === null ? "–" : unsigned(v.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals })));
  const chance = (p) => (p < 0.01 ? "<1%" : p > 0.99 ? ">99%" : `${(100 * p).toFixed(p < 0.1 ? 1 : 0)}%`);

  // As the files write amounts: with the decimals of the data, from six on without zeros at the end.
  const exact = (v) => {
    if (v === null) return "";
    if (form.decimals !== null) {
      const text = v.toFixed(form.decimals);
      return (form.decimals < 6 ? text : text.replace(/\.?0+$/, "")).replace(/^-(?=[0.]*$)/, "");
    }
    return /e/.test(String(v)) ? v.toFixed(20).replace(/\.?0+$/, "") : String(v);
  };
  // A sum of amounts, without what binary numbers add to it.
  const sum = (values) => {
    const total = values.reduce((a, b) => a + b, 0);
    return Number(form.decimals !== null ? total.toFixed(form.decimals) : total.toPrecision(14));
  };
  // Ends of bands have five digits.
  const running = (opening, values) => values.reduce((found, v) => [...found, sum([found.length ? found[found.length - 1] : opening, v])], []);

  // Of a view are stored what was forecast and the ends of bands; net flows, balances and sums follow from these.
  const opened = (view) => {
    const flows = {}, [a, b] = view.flows;
    view.flows.forEach((flow, k) => {
      if (flow) flows[form.names[k]] = [flow[0] ?? a[0].map((v, i) => sum([v, -b[0][i]])), ...flow[1]];
    });
    const spans = form.spans.map(([name, first, last], j) => ({ name, from: first, to: last, flows: Object.fromEntries(
      view.flows.map((flow, k) => flow && [form.names[k], [sum(flows[form.names[k]][0].slice(first, last + 1)), flow[2][0][j], flow[2][1][j]]]).filter(Boolean)) }));
    const balance = view.balance && { amounts: [running(view.balance.opening, flows[NET][0]), ...view.balance.ends], limits: view.balance.limits };
    return { ...view, flows, spans, balance };
  };
  const between = (low, high, decimals) => {
    const shown = Math.max(Math.abs(low), Math.abs(high)) < 1000 ? decimals : 0;
    return `${amount(low, shown)} to ${amount(high, shown)}`;
  };

  // -- tables, and the same as files

  // Text that a spreadsheet would run gets an apostrophe, as in the other files.
  const RUN = /^(?:[\s"'\x00-\x1f\u200b-\u200f\u2060\ufeff]*[=+\-@＝＋－＠]|["']*[\t\r\n])/;
  const PLAIN = /^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$/;
  const cell = (text) => {
    const safe = RUN.test(text) && !PLAIN.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const download = (name, rows) => {
    const text = rows.map((row) => row.map((value) => cell(String(value))).join(",")).join("\n") + "\n";
    const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
  // Columns are [title, number?, text of row i]; the file has columns and rows of its own.
  const table = (title, columns, rows, file, lines, traits = () => ({}), foot = null) => {
    const button = make("button", { type: "button", "aria-label": `Download ${title} as CSV` }, "CSV");
    button.addEventListener("click", () => download(file, lines()));
    const line = (row, tag) => columns.map(([, number, text]) => make(tag, { class: number ? "n" : null }, text(row)));
    const head = make("thead", {}, make("tr", {}, ...columns.map(([name, number]) => make("th", { class: number ? "n" : null, scope: "col" }, name))));
    const body = make("tbody", {}, ...rows.map((row) => make("tr", traits(row), ...line(row, "td"))));
    const grid = make("table", {}, head, body, foot === null ? null : make("tfoot", {}, make("tr", {}, ...foot.map((text, k) => make("td", { class: columns[k][1] ? "n" : null }, text)))));
    const scroll = make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": title }, grid);
    return make("div", { class: "downloads" }, make("h3", {}, `${title} `, button), scroll);
  };

  // -- pictures

  const LEFT = 58, UNDER = 22, TOP = 10, PAPER = 700;
  // What two printed pages have room for: units, lines of tables for all of them, and planned amounts.
  const UNITS_ON_PAPER = 2, LINES_ON_PAPER = 48, TITLES = 2, PLANNED_ON_PAPER = 8;
  const ticks = (low, high) => {
    const rough = (high - low) / 6 || 1, size = 10 ** Math.floor(Math.log10(rough));
    const step = size * [1, 2, 5, 10].find((n) => n * size >= rough);
    const found = [];
    for (let v = Math.ceil(low / step) * step; v <= high + step / 1e6; v += step) found.push(Math.abs(v) < step / 1e6 ? 0 : v);
    return [found, Math.max(0, -Math.floor(Math.log10(step) + 1e-9))];
  };
  const path = (points) => points.map(([x, y], k) => `${k ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

  // Bars are [class, values], `line` the values, ends of their band and class; `limits` are dashed; `words` say a day.
  const picture = (title, unit, [width, height], [a, b], scale, { bars = [], line = null, limits = [], dots = () => null, words, zero }) => {
    const cut = (values) => values.slice(a, b + 1).map((v) => v / scale);
    const layers = bars.map(([name, values]) => [name, cut(values)]);
    const [y, low, high] = line === null ? [[], [], []] : line.map(cut);
    const lines = limits.map(([name, v]) => [name, v / scale]);
    const all = [...layers.flatMap(([, v]) => v), ...y, ...low, ...high, ...lines.map(([, v]) => v), ...(zero ? [0] : [])];
    let [least, most] = [Math.min(...all), Math.max(...all)];
    const room = (most - least || Math.abs(most) || 1) * 0.06;
    [least, most] = [least - (least === 0 ? 0 : room), most + room];
    const n = b - a + 1, step = (width - LEFT - 8) / n;
    const x = (k) => LEFT + (k + 0.5) * step;
    const up = (v) => TOP + (height - TOP - UNDER) * (1 - (v - least) / (most - least));
    const [marks, digits] = ticks(least, most);
    const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}, ${dateOf(a)} to ${dateOf(b)}. The table of days has the numbers.` });
    for (let k = 0; k < n; k++) if (days[a + k][2] === "day off") svg.append(draw("rect", { class: "off", x: x(k) - step / 2, y: TOP, width: step, height: height - TOP - UNDER }));
    marks.forEach((v) => svg.append(
      draw("line", { class: v === 0 ? "zero" : "grid", x1: LEFT, x2: width - 8, y1: up(v), y2: up(v) }),
      draw("text", { x: LEFT - 6, y: up(v) + 4, "text-anchor": "end" }, amount(v, digits)),
    ));
    const every = Math.max(1, Math.ceil(46 / step));
    for (let k = 0; k < n; k += every) {
      const [, month, day] = dateOf(a + k).split("-");
      svg.append(draw("text", { x: x(k), y: height - 5, "text-anchor": "middle" }, `${Number(day)} ${MONTHS[month - 1]}`));
    }
    layers.forEach(([name, values]) => values.forEach((v, k) => svg.append(
      draw("rect", { class: name, x: x(k) - step * 0.34, width: step * 0.68, y: Math.min(up(v), up(0)), height: Math.abs(up(v) - up(0)) }),
    )));
    const points = (values) => values.map((v, k) => [x(k), up(v)]);
    if (n === 1 && line !== null) svg.append(draw("line", { class: "whisker", x1: x(0), x2: x(0), y1: up(low[0]), y2: up(high[0]) }));
    else if (line !== null) svg.append(draw("path", { class: "band", d: `${path(points(high))}${path(points(low).reverse()).replace("M", "L")}Z` }), draw("path", { class: "line", d: path(points(y)) }));
    lines.forEach(([, v]) => svg.append(draw("line", { class: "limit", x1: LEFT, x2: width - 8, y1: up(v), y2: up(v) })));
    y.forEach((v, k) => svg.append(draw("circle", { class: dots(a + k) ?? "dot", cx: x(k), cy: up(v), r: dots(a + k) ? 5 : 2.5 })));
    for (let k = 0; k < n; k++) svg.append(draw("rect", { class: "hover", x: x(k) - step / 2, y: 0, width: step, height: height }, draw("title", {}, words(a + k))));
    return make("figure", {}, make("figcaption", {}, unit ? `${title}, ${unit}` : title), svg);
  };
  const keyed = (figure, keys) => {
    keys.forEach(([name, kind, colour]) => figure.firstChild.append(make("span", { class: `key ${kind}`, style: `--key: var(--${colour})` }, name)));
    return figure;
  };

  // -- a view: the answers, the sums of the days shown, pictures and tables

  const ofView = (view, row) => view.of === null || view.of.includes(row[6]);
  const plannedOn = (view, i) => planned.filter((row) => {
    const [first, last] = row[0].split(" to ");
    return ofView(view, row) && first <= dateOf(i) && dateOf(i) <= (last ?? first);
  });
  const noteOf = (view, i) => [days[i][2] === "work day" ? "" : days[i][2], days[i][3], ...plannedOn(view, i).map((row) => (row[3] === "adjust" ? "adjusted" : "planned") + (row[4] ? `: ${row[4]}` : ""))].filter(Boolean).join(", ");
  const columnOf = (flow) => form.columns[form.names.indexOf(flow)];
  const dayOf = (i) => `${days[i][1]} ${dateOf(i)}`;
  const isTight = (view, i) => view.balance !== null && Math.max(...view.balance.limits.map((limit) => limit[3][i])) > 0.05;
  const spanOf = (view, [a, b]) => view.spans.find((span) => span.from === a && span.to === b);

  const sums = (view, range) => {
    const [a, b] = range, span = spanOf(view, range), list = make("dl", { class: "sums" });
    Object.entries(view.flows).forEach(([name, [y]]) => {
      const total = amount(sum(y.slice(a, b + 1)), view.decimals);
      const band = span ? `in ${form.level} of 100 cases ${between(span.flows[name][1], span.flows[name][2], view.decimals)}` : "";
      list.append(make("div", {}, make("dt", {}, name), make("dd", {}, make("b", {}, total), band && make("span", { class: "soft" }, band))));
    });
    const said = `${dayOf(a)} to ${dayOf(b)}${view.unit && `, in ${view.unit}`}${span ? "" : ". The sum of these days has no band; the choices above, weeks and months have one"}.`;
    return make("div", {}, make("p", { class: "soft range" }, said), list);
  };

  const words = (view, i) => [dayOf(i), ...Object.entries(view.flows).map(([name, [y, low, high]]) => `${name} ${amount(y[i], view.decimals)} (${between(low[i], high[i], view.decimals)})`), noteOf(view, i)].filter(Boolean).join("\n");
  const flowPicture = (view, range, size) => {
    const names = Object.keys(view.flows), net = names.includes(NET);
    const main = view.flows[net ? NET : names[0]];
    const bars = net ? [["in", view.flows[names[0]][0]], ["out", view.flows[names[1]][0].map((v) => -v)]] : [];
    const dots = (i) => (plannedOn(view, i).length ? "planned" : null);
    const found = picture(net ? "in, out and net" : names[0], view.scale[0], size, range, view.scale[1], { bars, line: main, dots, words: (i) => words(view, i), zero: net });
    const keys = net ? [[names[0], "bars", "in"], [names[1], "bars", "out"], [NET, "line", "accent"]] : [["forecast", "line", "accent"]];
    const days = Array.from({ length: range[1] - range[0] + 1 }, (_, k) => range[0] + k);
    if (days.some(dots)) keys.push(["with what is planned", "dot", "planned"]);
    return keyed(found, [...keys, [`${form.level} of 100 cases`, "area", "accent"]]);
  };
  const balancePicture = (view, range, size) => {
    const { amounts: line, limits } = view.balance;
    const [, low, high] = line.map((v) => v.slice(range[0], range[1] + 1));
    const span = Math.max(...high) - Math.min(...low);
    const near = limits.filter(([, , v]) => v > Math.min(...low) - 1.5 * span); // a limit far below would flatten the line
    const say = (i) => [dayOf(i), `balance ${amount(line[0][i], view.decimals)} (${between(line[1][i], line[2][i], view.decimals)})`, ...limits.map(([name, , , p]) => `below ${name}: ${chance(p[i])}`)].join("\n");
    const found = picture("balance at the end of each day", view.scale[0], size, range, view.scale[1], { line, limits: near.map(([name, , v]) => [name, v]), dots: (i) => (isTight(view, i) ? "tight" : null), words: say });
    const keys = [["balance", "line", "accent"], [`${form.level} of 100 cases`, "area", "accent"], ...near.map(([, name]) => [name, "line", "bad"])];
    if (line[0].some((_, i) => i >= range[0] && i <= range[1] && isTight(view, i))) keys.push(["tight: below a limit with a chance above 5%", "dot", "bad"]);
    return keyed(found, keys);
  };

  const dayTable = (view, name, range) => {
    const index = Array.from({ length: range[1] - range[0] + 1 }, (_, k) => range[0] + k), d = view.decimals;
    const flows = Object.entries(view.flows), main = flows[flows.length - 1][0] === NET ? NET : flows[0][0];
    const columns = [["day", false, (i) => `${dateOf(i)} ${days[i][1]}`]];
    if (index.some((i) => noteOf(view, i))) columns.push(["note", false, (i) => noteOf(view, i)]);
    flows.forEach(([flow, [y, low, high]]) => {
      columns.push([flow, true, (i) => amount(y[i], d)]);
      if (flow === main) columns.push([`${form.level} of 100 cases`, true, (i) => between(low[i], high[i], d)]);
    });
    const head = ["show", "unit", "date", "weekday", "day_type", "note", ...flows.flatMap(([flow]) => [columnOf(flow), ...form.ends.map((end) => `${columnOf(flow)}_${end}`)])];
    const values = (i) => flows.flatMap(([, three]) => three.map((v) => exact(v[i])));
    const { amounts: balance, limits } = view.balance ?? { amounts: null, limits: [] };
    if (balance) {
      columns.push(["balance", true, (i) => amount(balance[0][i], d)], [`${form.level} of 100 cases`, true, (i) => between(balance[1][i], balance[2][i], d)]);
      head.push("balance", ...form.ends.map((end) => `balance_${end}`));
      limits.forEach(([limit, , , p]) => {
        columns.push([`below ${limit}`, true, (i) => chance(p[i])]);
        head.push(`chance_below_${limit}`);
      });
    }
    const lines = () => [head, ...index.map((i) => [name, view.unit, dateOf(i), days[i][1], days[i][2], noteOf(view, i), ...values(i), ...(balance ? balance.map((v) => exact(v[i])) : []), ...limits.map((limit) => limit[3][i])])];
    const span = spanOf(view, range), total = ["sum", ...columns.slice(1).filter(([, number]) => !number).map(() => "")];
    flows.forEach(([flow, [y]]) => total.push(amount(sum(y.slice(range[0], range[1] + 1)), d), ...(flow === main ? [span ? between(span.flows[flow][1], span.flows[flow][2], d) : "–"] : [])));
    while (total.length < columns.length) total.push("");
    const title = `days${view.unit && `, ${view.unit}`}`;
    return table(title, columns, index, `days-${named(name, view.unit)}.csv`, lines, (i) => ({ class: isTight(view, i) ? "failed" : days[i][2] === "day off" ? "soft" : null }), total);
  };
  const slug = (text) => text.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").toLowerCase().slice(0, 40);
  const named = (name, unit) => [name, unit].map(slug).filter(Boolean).join("-");

  const spanTable = (view, name) => {
    const rows = view.spans.filter((span) => span.name !== "ahead"), d = view.decimals, flows = Object.keys(view.flows);
    if (!rows.length) return null;
    const columns = [["week or month", false, (s) => s.name], ["days", false, (s) => `${dateOf(s.from)} to ${dateOf(s.to)}`]];
    flows.forEach((flow) => columns.push([flow, true, (s) => amount(s.flows[flow][0], d)], [`${form.level} of 100 cases`, true, (s) => between(s.flows[flow][1], s.flows[flow][2], d)]));
    const head = ["show", "unit", "period", "date", "end", ...flows.flatMap((flow) => [columnOf(flow), ...form.ends.map((end) => `${columnOf(flow)}_${end}`)])];
    const lines = () => [head, ...rows.map((s) => [name, view.unit, s.name, dateOf(s.from), dateOf(s.to), ...flows.flatMap((flow) => s.flows[flow].map(exact))])];
    return table(`weeks and months${view.unit && `, ${view.unit}`}`, columns, rows, `weeks-${named(name, view.unit)}.csv`, lines);
  };
  const plannedOf = (shown) => planned.filter((row) => shown.some((view) => ofView(view, row)));
  const plannedTable = (shown, name, most) => {
    const rows = plannedOf(shown).slice(0, most);
    if (!rows.length) return null;
    const titles = ["day", "series", "amount", "kind", "note", "by"];
    const columns = titles.map((title, k) => [title, title === "amount", (row) => (row[k] === "adjust" ? "adjusted" : row[k])]);
    return table("planned", columns, rows, `planned-${slug(name)}.csv`, () => [titles, ...rows.map((row) => row.slice(0, 6))]);
  };

  const answer = ([label, value, unit, note, bad]) => make("div", { class: "card cash" },
    make("span", { class: "soft" }, label),
    make("b", { class: bad ? "bad" : null }, value, unit && " ", unit && make("small", {}, unit)),
    make("span", { class: "soft" }, note),
  );
  const unitOf = (view) => view.unit || "no unit";
  // The tables of days and of weeks that fit on paper, and in words what does not.
  const onPaper = (shown, all, range) => {
    const n = range[1] - range[0] + 1, weeks = shown[0].spans.filter((span) => span.name !== "ahead").length;
    const room = Math.floor(LINES_ON_PAPER / shown.length) - TITLES;
    const fewer = Math.min(n, room), spans = weeks + TITLES <= room - fewer;
    const planned = Math.max(0, plannedOf(shown).length - PLANNED_ON_PAPER);
    const said = [
      all.length > shown.length && `the units ${all.slice(shown.length).map(unitOf).join(", ")} (pick an entity or a group of theirs)`,
      fewer < n && `the days after ${dateOf(range[0] + fewer - 1)}`,
      weeks > 0 && !spans && "weeks and months",
      planned > 0 && `${planned} more planned amounts`,
    ].filter(Boolean);
    const note = said.length ? make("p", { class: "soft left-out" }, `Not on paper, but on the screen and in the CSV files: ${said.join("; ")}.`) : null;
    return { range: [range[0], range[0] + fewer - 1], spans, note };
  };
  const show = (paper = false) => {
    const range = [from, to].map((input) => days.findIndex(([date]) => date === input.value));
    const [name, , mine] = picks[pick ? Number(pick.value) : 0], all = mine.map((k) => opened(packed[k]));
    const shown = paper ? all.slice(0, UNITS_ON_PAPER) : all;
    const fits = paper ? onPaper(shown, all, range) : { range, spans: true, note: null };
    const width = paper ? PAPER : Math.max(300, at("blocks").clientWidth || PAPER);
    const height = !paper ? 230 : shown.length > 1 ? (fits.note ? 120 : 140) : 220;
    // The answers of all units come first, so that they stand on the first screen.
    const answered = shown.map((view) => make("article", {},
      all.length > 1 ? make("h2", {}, unitOf(view)) : null,
      make("div", { class: "cards answers" }, ...view.cards.map(answer)),
    ));
    const pictured = shown.map((view) => {
      const beside = view.balance && (paper ? shown.length > 1 : width >= 800);
      const size = [beside ? (width - 28) / 2 : width, height];
      const pictures = [flowPicture(view, range, size), view.balance ? balancePicture(view, range, size) : null];
      return make("article", {}, sums(view, range), make("div", { class: view.balance ? "columns" : null }, ...pictures));
    });
    at("blocks").className = shown.length > 1 ? "" : "alone";
    at("blocks").replaceChildren(...answered, ...pictured);
    at("plan").replaceChildren(...[fits.note, plannedTable(shown, name, paper ? PLANNED_ON_PAPER : Infinity)].filter(Boolean));
    at("tables").replaceChildren(...shown.flatMap((view) => [dayTable(view, name, fits.range), fits.spans ? spanTable(view, name) : null]).filter(Boolean));
    at("presets").querySelectorAll("button").forEach((button) => button.setAttribute("aria-pressed", String(range[0] === 0 && range[1] === Number(button.value))));
  };

  // A day without a forecast, such as a day off of weekly or work-day data, stands for the next one there is.
  const settle = (changed) => {
    [from, to].forEach((input) => {
      const later = days.findIndex(([date]) => date >= input.value);
      if (!input.value) input.value = input === from ? dateOf(0) : dateOf(days.length - 1);
      else if (dateOf(Math.max(later, 0)) !== input.value) input.value = dateOf(later < 0 ? days.length - 1 : later);
    });
    if (from.value > to.value) (changed === from ? to : from).value = changed.value;
    show();
  };
  const choose = (last) => {
    [from.value, to.value] = [dateOf(0), dateOf(last)];
    show();
  };
  const ahead = form.spans.filter(([name]) => name === "ahead").map(([, , last]) => last);
  ahead.forEach((last, k) => {
    const button = make("button", { type: "button", value: last }, k === ahead.length - 1 ? `all ${last + 1}` : `next ${last + 1}`);
    button.addEventListener("click", () => choose(last));
    at("presets").append(button, " ");
  });
  [from, to].forEach((input) => input.addEventListener("change", () => settle(input)));
  if (pick) pick.addEventListener("change", () => show());
  addEventListener("beforeprint", () => show(true));
  addEventListener("afterprint", () => show());
  let width = innerWidth;
  addEventListener("resize", () => {
    if (width !== innerWidth) show();
    width = innerWidth;
  });
  choose(ahead[1] ?? ahead[0]);
})();
