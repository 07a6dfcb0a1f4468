// What the pages do in the browser by themselves.

// The chosen theme outlives the page; without a choice it is the system's.
globalThis.sweepfrontTheme = (next) => {
  if (next) localStorage.setItem("sweepfront-theme", next);
  const chosen = localStorage.getItem("sweepfront-theme");
  if (chosen && globalThis.Quasar) Quasar.Dark.set(chosen === "dark");
};
addEventListener("load", () => setTimeout(sweepfrontTheme, 0));

// What was chosen stands in the address, so that a view can be shared; null takes a word out.
globalThis.sweepfrontAddress = (changes) => {
  const address = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) {
    if (value) address.searchParams.set(name, value);
    else address.searchParams.delete(name);
  }
  history.replaceState(history.state, "", address);
};

// The order and the filters of a table, as AG Grid has them.
globalThis.sweepfrontTable = () => {
  try {
    return JSON.parse(new URL(location.href).searchParams.get("table") ?? "{}");
  } catch {
    return {};
  }
};
globalThis.sweepfrontTableChanged = ({ state: { filter, sort } }) =>
  sweepfrontAddress({ table: filter || sort ? JSON.stringify({ filter, sort }) : null });

// The lines that a brush over parallel coordinates leaves are the rows that the table shows.
globalThis.sweepfrontBrush = null;
globalThis.sweepfrontBrushed = (chartId, tableId) => {
  const chart = getElement(chartId).chart;
  const series = chart.getModel().getSeriesByIndex(0);
  const numbers = chart.getOption().series[0].numbers;
  const chosen = series.getRawIndicesByActiveState("active").map((index) => numbers[index]);
  const brushed = series.getRawIndicesByActiveState("inactive").length > 0;
  globalThis.sweepfrontBrush = brushed ? new Set(chosen) : null;
  getElement(tableId).api.onFilterChanged();
};

// Enter opens the link of the cell that the keyboard is at.
globalThis.sweepfrontEnter = ({ event }) => {
  if (event.key === "Enter") event.target.querySelector("a")?.click();
};

// How long ago a time is, in its two greatest units; told anew without asking the service.
globalThis.sweepfrontAge = (iso) => {
  const seconds = Math.max(0, (Date.now() - Date.parse(iso)) / 1000);
  const [minutes, hours, days] = [60, 3600, 86400].map((unit) => Math.floor(seconds / unit));
  if (days) return `${days} d ${hours % 24} h ago`;
  if (hours) return `${hours} h ${minutes % 60} min ago`;
  if (minutes) return `${minutes} min ${Math.floor(seconds % 60)} s ago`;
  return `${Math.floor(seconds)} s ago`;
};

// The end of a log as the service has just read it. While the reader has scrolled up, it waits.
const atItsEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < 24;
const showLog = (log) => {
  if (log.waiting === undefined) return;
  log.textContent = log.waiting;
  delete log.waiting;
  log.scrollTop = log.scrollHeight;
};
globalThis.sweepfrontLog = (logId, buttonId, text, stream) => {
  const log = getHtmlElement(logId);
  const button = getHtmlElement(buttonId);
  const switched = log.stream !== stream;
  log.stream = stream;
  log.onscroll ??= () => {
    button.dataset.left = atItsEnd(log) ? "no" : "yes";
    if (atItsEnd(log)) showLog(log);
  };
  if (text === log.textContent && !switched) return;
  const stays = switched || atItsEnd(log);
  log.waiting = text;
  if (stays) showLog(log);
};
globalThis.sweepfrontLogEnd = (logId) => {
  const log = getHtmlElement(logId);
  showLog(log);
  log.scrollTop = log.scrollHeight;
};
