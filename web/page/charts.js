// A chart for each tag that is asked for: minimum to maximum as a band, the mean as a line. All charts show the
// same time; dragging across one zooms into all of them.
import { get } from '/api.js';
import { UNKNOWN } from '/table.js';
import { duration, number, quantity } from '/format.js';

const CHARTS_MAX = 12;
const POINTS = 300; // buckets across a chart
const WINDOW_MIN = 1; // seconds
const WINDOW_MAX = 366 * 86400;
const STALE = 10; // seconds without a reading, and five times what is usual

const pad = (value) => String(value).padStart(2, '0');
const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize);

// "12:05", with seconds or with the day as the distance of the ticks asks for.
function tickText(seconds, step) {
  const at = new Date(seconds * 1000);
  const time = `${pad(at.getHours())}:${pad(at.getMinutes())}`;
  if (step < 60) {
    return `${time}:${pad(at.getSeconds())}`;
  }
  const midnight = at.getHours() === 0 && at.getMinutes() === 0;
  return step >= 86400 || midnight ? `${at.getMonth() + 1}-${pad(at.getDate())}` : time;
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

class Chart {
  constructor(tag, onZoom) {
    this.tag = tag;
    this.onZoom = onZoom;
    this.element = document.createElement('article');
    this.element.className = 'card chart';
    const title = document.createElement('h3');
    const name = document.createElement('span');
    name.className = 'name';
    name.textContent = tag.tag;
    const of = document.createElement('span');
    of.className = 'of';
    of.textContent = tag.bridge;
    name.append(of);
    this.value = document.createElement('span');
    this.value.className = 'value';
    title.append(name, this.value);
    this.area = document.createElement('div');
    this.area.className = 'plot';
    this.area.setAttribute('role', 'img');
    this.element.append(title, this.area);
    new ResizeObserver(() => this.fit()).observe(this.area);
  }

  size() {
    const height = parseFloat(getComputedStyle(this.area).minHeight) || 192;
    return { width: Math.max(120, Math.floor(this.area.clientWidth)), height };
  }

  fit() {
    this.plot?.setSize(this.size());
  }

  options() {
    const quiet = colour('--quiet');
    const axis = { stroke: quiet, grid: { stroke: colour('--grid'), width: 1 }, ticks: { show: false },
      font: `${Math.round(0.75 * rem())}px system-ui, sans-serif` };
    const accent = colour('--accent');
    return {
      ...this.size(),
      padding: [8, 8, 0, 0],
      cursor: { drag: { x: true, y: false, setScale: false } },
      scales: {
        x: { time: true, range: () => [this.from, this.to] },
        y: { range: this.tag.bool ? [-0.1, 1.1] : spread },
      },
      axes: [
        { ...axis, size: 1.7 * rem(), space: 3.4 * rem(),
          values: (_, ticks) => ticks.map((tick) => tickText(tick, ticks[1] - ticks[0])) },
        { ...axis, size: 3.6 * rem(), values: (_, ticks) => ticks.map(number),
          ...(this.tag.bool ? { splits: [0, 1] } : {}) },
      ],
      series: [
        {},
        { label: 'max', stroke: 'transparent', points: { show: false } },
        { label: 'min', stroke: 'transparent', points: { show: false } },
        { label: 'mean', stroke: accent, width: 2, points: { show: false, size: 6, fill: accent, filter: alone },
          ...(this.tag.bool ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}) },
        { label: 'last', show: false },
      ],
      bands: [{ series: [1, 2], fill: colour('--band') }],
      hooks: {
        setSelect: [(plot) => {
          if (plot.select.width > 4) {
            const left = plot.posToVal(plot.select.left, 'x');
            const right = plot.posToVal(plot.select.left + plot.select.width, 'x');
            plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
            this.onZoom(left, right);
          }
        }],
        setCursor: [(plot) => this.showValue(plot.cursor.idx)],
        ready: [(plot) => plot.over.addEventListener('dblclick', () => this.onZoom(null))],
      },
    };
  }

  // The mean of the bucket under the pointer, or the newest value.
  showValue(index) {
    const values = this.data?.[index == null ? 4 : 3] ?? [];
    const value = values[index ?? values.length - 1];
    const age = this.to - this.data[0].at(-1);
    const stale = index == null && value != null && age > Math.max(STALE, 5 * this.usual);
    this.value.textContent = (value == null ? 'no value' : quantity(value, this.tag.unit))
      + (stale ? `, ${duration(age)} old` : '');
    this.value.classList.toggle('alarm', value == null);
    this.value.classList.toggle('note', stale);
  }

  show({ data, usual }, from, to) {
    this.data = data;
    this.usual = usual;
    this.from = from;
    this.to = to;
    if (this.plot) {
      this.plot.setData(data);
    } else {
      this.plot = new uPlot(this.options(), data, this.area);
    }
    this.showValue(this.plot.cursor.idx);
    this.describe();
  }

  // For those who do not see the picture.
  describe() {
    const low = Math.min(...this.data[2].filter((value) => value != null));
    const high = Math.max(...this.data[1].filter((value) => value != null));
    const what = low <= high ? `between ${number(low)} and ${number(high)} ${this.tag.unit}` : 'no value';
    this.area.setAttribute('aria-label', `${this.tag.tag}, ${duration(this.to - this.from)}: ${what}`);
  }

  restyle() {
    this.plot?.destroy();
    this.plot = null;
    if (this.data) {
      this.show(this, this.from, this.to);
    }
  }
}

// Some room above and below, also for what does not change.
function spread(_, low, high) {
  if (low == null) {
    return [0, 1];
  }
  const room = (high - low) * 0.1 || Math.abs(high) * 0.05 || 1;
  return [low - room, high + room];
}

// Values without a neighbour, which no line would show.
function alone(plot, series) {
  const values = plot.data[series];
  return values.flatMap((value, at) => (
    value != null && values[at - 1] == null && values[at + 1] == null ? [at] : []));
}

// How far apart readings mostly are, in seconds: a tag may be read, or change, seldom.
function pace(rows, every) {
  const gaps = rows.slice(1).map((row, at) => (new Date(row.time) - new Date(rows[at].time)) / 1000);
  gaps.sort((a, b) => a - b);
  return Math.max(every, gaps[gaps.length >> 1] ?? 0);
}

// Rows of buckets as uPlot's columns, with holes where there is no reading for a while; and how far apart they are.
function columnsOf(rows, every) {
  const usual = pace(rows, every);
  const data = [[], [], [], [], []];
  const put = (time, row) => {
    data[0].push(time);
    data[1].push(row?.max ?? null);
    data[2].push(row?.min ?? null);
    data[3].push(row?.mean ?? null);
    data[4].push(row?.last ?? null);
  };
  let before = null;
  for (const row of rows) {
    const time = new Date(row.time) / 1000;
    if (before !== null && time - before > 5 * usual) {
      put(before + every, null);
    }
    put(time, row);
    before = time;
  }
  return { data, usual };
}

export class Charts {
  constructor(element, note) {
    this.element = element;
    this.note = note;
    this.charts = new Map();
    this.tags = null; // not known yet
    this.more = false; // there are more tags than were asked for
    this.filter = '';
    this.span = 300;
    this.window = null; // [from, to] in seconds; null = live
    this.onWindow = () => {};
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.charts.forEach((chart) => chart.restyle());
    });
  }

  range() {
    const now = Date.now() / 1000;
    return this.window ?? [now - this.span, now];
  }

  zoom(from, to) {
    this.window = from === null ? null : [from, to];
    this.onWindow(this.window);
    return this.refresh();
  }

  shift(share) {
    const [from, to] = this.range();
    const step = (to - from) * share;
    return this.zoom(from + step, to + step);
  }

  // What is live is narrowed towards now, a time in the past around its middle.
  scale(factor) {
    const [from, to] = this.range();
    const span = Math.min(WINDOW_MAX, Math.max(WINDOW_MIN, (to - from) * factor));
    const end = this.window ? (from + to + span) / 2 : to;
    return this.zoom(end - span, end);
  }

  // Pressures first: that is what this product is for.
  chosen() {
    const words = this.filter.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (this.tags ?? []).filter((tag) => {
      const text = `${tag.bridge} ${tag.tag} ${tag.unit}`.toLowerCase();
      return tag.number && words.every((word) => text.includes(word));
    });
    const rank = (tag) => (/press/i.test(tag.tag) ? 0 : /bar|Pa$/.test(tag.unit) ? 1 : tag.bool ? 3 : 2);
    return fits.map((tag, at) => [rank(tag), at, tag]).sort((a, b) => a[0] - b[0] || a[1] - b[1])
      .map((entry) => entry[2]);
  }

  place(chosen) {
    const shown = chosen.slice(0, CHARTS_MAX);
    const kept = new Map();
    for (const tag of shown) {
      const key = `${tag.bridge}\n${tag.tag}`;
      kept.set(key, this.charts.get(key) ?? new Chart(tag, (from, to) => this.zoom(from, to)));
    }
    const elements = [...kept.values()].map((chart) => chart.element);
    const same = elements.length === this.element.children.length
      && elements.every((element, at) => element === this.element.children[at]);
    if (!same) {
      this.element.replaceChildren(...elements);
    }
    this.charts = kept;
    if (!this.tags) {
      this.note.textContent = UNKNOWN;
    } else if (this.tags.length === 0) {
      this.note.textContent = 'No bridge has sent readings yet.';
    } else if (chosen.length === 0) {
      this.note.textContent = 'No tag is called so.';
    } else {
      this.note.textContent = chosen.length > CHARTS_MAX
        ? `${CHARTS_MAX} of ${chosen.length}${this.more ? '+' : ''} tags are shown; narrow them down above.` : '';
    }
  }

  async refresh() {
    this.place(this.chosen());
    const [from, to] = this.range();
    const every = Math.max(0.001, (to - from) / POINTS);
    await Promise.all([...this.charts.values()].map(async (chart) => {
      const answer = await get('readings', {
        bridge: chart.tag.bridge, tag: chart.tag.tag, from: from.toFixed(3), to: to.toFixed(3),
        every: `${Math.ceil(every * 1000)}ms`,
      });
      chart.show(columnsOf(answer.readings, every), from, to);
    }));
    this.element.setAttribute('aria-label', `From ${duration(Date.now() / 1000 - from)} ago`);
  }
}
