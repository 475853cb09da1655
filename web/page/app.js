// The page: asks the API, listens to its events, and shows what comes.
import { follow, get, throttled } from '/api.js';
import { Charts } from '/charts.js';
import { ago, bytes, clock, count, duration, quantity, some } from '/format.js';
import { Table } from '/table.js';

const $ = (id) => document.getElementById(id);
const BATCH_ROWS = 100;
const ALARM_ROWS = 200;
const WARN_DAYS = 30;
const OLD = 60; // seconds
const TAGS_ASKED = 10000;

// ---- state of the connection ----

const state = { stream: false, server: null, alarms: undefined, failures: new Map() };

function showState() {
  let tone = 'alarm';
  let text = 'This page has lost its server and tries again';
  if (state.stream && state.server) {
    [tone, text] = ['good', 'Live'];
  } else if (state.stream) {
    [tone, text] = ['note', 'The control server cannot be reached; what is stored is shown'];
  }
  if (state.stream && state.failures.size > 0) {
    [tone, text] = ['alarm', `Not up to date: ${[...state.failures.values()][0]}`];
  }
  document.querySelector('#state .lamp').className = `lamp ${tone}`;
  if ($('state-text').textContent !== text) { // what is announced is not announced again
    $('state-text').textContent = text;
  }
}

// ---- summary ----

function showSummary({ server, version }) {
  const before = $('version').textContent;
  if (before && before !== version) {
    location.reload(); // the page of the new one: a wall screen is open for months
  }
  $('version').textContent = version;
  state.server = Boolean(server);
  state.alarms = server?.counters.alarms;
  showState();
  $('sum-readings').textContent = count(server?.counters.readings_committed);
  $('sum-batches').textContent = count(server?.counters.batches_committed);
  const store = $('sum-store');
  store.textContent = server ? (server.store.healthy ? 'healthy' : server.store.reason) : '–';
  store.className = server ? (server.store.healthy ? 'good' : 'alarm') : '';
}

// ---- bridges ----

function fact(list, name, value, tone) {
  const term = document.createElement('dt');
  const text = document.createElement('dd');
  term.textContent = name;
  text.textContent = value;
  if (tone) {
    text.className = tone;
  }
  list.append(term, text);
}

function certificate(list, end) {
  if (!end) {
    return;
  }
  const days = (new Date(end) - Date.now()) / 86400e3;
  const text = days < 0 ? 'has expired' : days < 2 ? `ends in ${duration(days * 86400)}` : `${Math.floor(days)} days`;
  fact(list, 'Certificate', text, days < 0 ? 'alarm' : days < WARN_DAYS ? 'note' : '');
}

function quality(list, stored) {
  const entries = Object.entries(stored.qualities);
  const total = entries.reduce((sum, [, amount]) => sum + amount, 0);
  const good = entries.filter(([name]) => !name.startsWith('bad')).reduce((sum, [, amount]) => sum + amount, 0);
  const share = total ? Math.floor((100 * good) / total) : 0;
  fact(list, 'With a value', `${share} %`, share === 100 ? 'good' : share > 0 ? 'note' : 'alarm');
  const clocks = { synchronised: ['synchronised', 'good'], not_synchronised: ['not synchronised', 'note'],
    unknown: ['unknown', ''] };
  fact(list, 'Clock', ...clocks[stored.clock]);
}

function bridgeCard({ name, live, stored }) {
  const card = document.createElement('article');
  card.className = 'card';
  const title = document.createElement('h3');
  const lamp = document.createElement('span');
  const side = document.createElement('span');
  const list = document.createElement('dl');
  lamp.className = `lamp ${live?.connected ? 'good' : live ? 'alarm' : ''}`;
  side.className = 'side';
  side.textContent = live?.connected ? 'connected' : live ? 'not connected' : 'not seen since the server started';
  title.append(lamp, name, side);
  fact(list, 'Last ack', ago(live?.last_ack ?? stored?.committed));
  if (live) {
    fact(list, 'Lag', live.last_ack ? duration(live.lag_s) : '–', live.lag_s > 60 ? 'note' : '');
    fact(list, 'Backlog', live.backlog > 0 ? `about ${some(live.backlog, 'batch', 'batches')}` : 'none', live.backlog > 0 ? 'note' : '');
    if (live.rejected > 0) {
      fact(list, 'Rejected', some(live.rejected, 'batch', 'batches'), 'alarm');
    }
  }
  if (stored) {
    quality(list, stored);
    fact(list, 'Gaps', stored.gaps > 0 ? count(stored.gaps) : 'none', stored.gaps > 0 ? 'note' : '');
  }
  certificate(list, live?.certificate_end);
  card.append(title, list);
  return card;
}

const BRIDGES_ASKED = 200;
let bridgesWanted = 24;

// Those that need somebody first: not connected, without values, with a backlog; then by name, 2 before 10.
function trouble({ live, stored }) {
  const values = Object.entries(stored?.qualities ?? {}).some(([name]) => !name.startsWith('bad'));
  return !live?.connected ? 0 : !values ? 1 : live.backlog > 0 || live.rejected > 0 ? 2 : 3;
}

function byNeed(a, b) {
  return trouble(a) - trouble(b) || a.name.localeCompare(b.name, undefined, { numeric: true });
}

async function refreshBridges() {
  const { bridges, next } = await get('bridges', { limit: Math.max(BRIDGES_ASKED, bridgesWanted) });
  const cards = bridges.sort(byNeed).slice(0, bridgesWanted).map(bridgeCard);
  if (cards.length === 0) {
    const nobody = document.createElement('p');
    nobody.className = 'hint';
    nobody.textContent = 'No bridge has connected yet.';
    cards.push(nobody);
  }
  $('bridge-cards').replaceChildren(...cards);
  $('more-bridges').hidden = next === null && bridges.length <= bridgesWanted;
  const connected = bridges.filter((bridge) => bridge.live?.connected).length;
  $('sum-connected').textContent = `${connected} of ${bridges.length}${next ? '+' : ''}`;
}

// ---- tables ----

const batchTable = new Table($('batch-table'), [
  { title: 'Committed', cell: (row) => clock(row.committed) },
  { title: 'Bridge', cell: (row) => row.bridge },
  { title: 'Sequence', right: true, cell: (row) => row.seq },
  { title: 'Readings', right: true, cell: (row) => (row.kind === 'gaps' ? `${row.readings} gaps` : count(row.readings)) },
  { title: 'Size', right: true, cell: (row) => bytes(row.bytes) },
  { title: 'Newest reading', cell: (row) => clock(row.last) },
  { title: 'Answer', cell: (row) => (row.result ?? 'committed') + (row.historical ? ', backlog' : ''),
    tone: (row) => ((row.result ?? 'committed') === 'committed' ? 'good' : row.result === 'rejected' ? 'alarm' : 'note') },
], 'No batch yet.');

let batchesKnown = false; // what came before the stream began

async function loadBatches() {
  if (!batchesKnown && !paused) {
    batchTable.show((await get('acks', { limit: BATCH_ROWS })).acks);
    batchesKnown = true;
  }
}

const alarmTones = { active: 'alarm', active_acknowledged: 'note', returned: 'note', normal: 'good' };
const ranks = { active: 0, active_acknowledged: 1, returned: 2, normal: 3 };
const severe = (alarm) => (/_/.test(alarm.level) ? 0 : 1); // high-high, low-low

// What needs somebody first: not on the shelf, by state, the severe ones, the newest.
function byUrgency(a, b) {
  return Boolean(a.shelved_until) - Boolean(b.shelved_until) || ranks[a.state] - ranks[b.state]
    || severe(a) - severe(b) || String(b.since).localeCompare(String(a.since)) || a.tag.localeCompare(b.tag);
}

function named(row) {
  const name = document.createElement('span');
  const of = document.createElement('span');
  name.className = 'name';
  name.textContent = row.tag;
  of.className = 'of';
  of.textContent = row.bridge;
  name.append(of);
  return name;
}

// Of a bridge that is gone, or a tag that changes seldom: how old the value is.
function newest({ value, unit, seen, bad_quality: bad }) {
  const age = (Date.now() - new Date(seen)) / 1000;
  return `${bad ? 'bad, was ' : ''}${quantity(value, unit)}${seen && age > OLD ? `, ${duration(age)} old` : ''}`;
}

const alarmTable = new Table($('alarm-table'), [
  { title: 'State', cell: (row) => (row.shelved_until ? 'shelved, ' : '') + row.state.replaceAll('_', ', '),
    tone: (row) => (row.shelved_until ? '' : alarmTones[row.state]) },
  { title: 'Tag', wide: true, cell: named },
  { title: 'Value', right: true, cell: newest,
    tone: (row) => (row.bad_quality ? 'alarm' : '') },
  { title: 'Limit', right: true, cell: (row) => `${row.level.replace('_', '-')} ${quantity(row.limit, row.unit)}` },
  { title: 'Since', cell: (row) => clock(row.since) },
  { title: 'Shelved until', cell: (row) => (row.shelved_until ? clock(row.shelved_until) : '') },
], 'No tag is watched. Alarms are configured in server.yaml.');

const gapTable = new Table($('gap-table'), [
  { title: 'From', cell: (row) => clock(row.from) },
  { title: 'To', cell: (row) => clock(row.to) },
  { title: 'Bridge', cell: (row) => row.bridge },
  { title: 'Reason', cell: (row) => row.reason.replaceAll('_', ' ') },
  { title: 'Readings', right: true, cell: (row) => (row.readings > 0 ? count(row.readings) : 'unknown') },
  { title: 'Link', cell: (row) => row.link || 'all' },
], 'No gap: every reading that was taken has arrived, or is still at its bridge.');

const holeTable = new Table($('hole-table'), [
  { title: 'Bridge', cell: (row) => row.bridge },
  { title: 'From sequence', right: true, cell: (row) => row.first_seq },
  { title: 'To sequence', right: true, cell: (row) => row.last_seq },
  { title: 'Epoch', cell: (row) => row.epoch.slice(0, 12) },
], 'Nothing is missing.');

const quarantineTable = new Table($('quarantine-table'), [
  { title: 'Received', cell: (row) => clock(row.received) },
  { title: 'Bridge', cell: (row) => row.bridge },
  { title: 'Sequence', right: true, cell: (row) => row.seq },
  { title: 'Reason', wide: true, cell: (row) => row.reason },
], 'No batch was refused.');

// Where the server cannot be asked, an empty list says nothing.
const unknown = (reason) => (reason ? `Unknown: ${reason}` : null);

async function refreshLosses() {
  const [{ gaps, holes }, { rejected, reason }] = await Promise.all([get('gaps'), get('quarantine')]);
  gapTable.show(gaps);
  holeTable.show(holes);
  quarantineTable.show(rejected.reverse(), unknown(reason));
}

async function refreshAlarms() {
  const { alarms, reason } = await get('alarms', { standing: true });
  alarmTable.show(alarms.sort(byUrgency).slice(0, ALARM_ROWS), unknown(reason) ?? (state.alarms > 0 ? `All ${count(state.alarms)} alarms are normal.` : null));
  $('alarm-note').textContent = alarms.length > ALARM_ROWS
    ? `${ALARM_ROWS} of ${count(alarms.length)} that are not normal or are on the shelf are shown.` : '';
  const active = alarms.filter((alarm) => alarm.state.startsWith('active') && !alarm.shelved_until).length;
  $('sum-alarms').textContent = reason ? '–' : active;
  document.title = active > 0 ? `(${active}) Bourdon` : 'Bourdon';
  $('sum-alarms').className = reason ? '' : active > 0 ? 'alarm' : 'good';
}

// ---- charts ----

const charts = new Charts($('chart-cards'), $('chart-note'));
charts.onWindow = (window) => {
  $('live').setAttribute('aria-pressed', String(window === null));
  $('chart-window').textContent = window ? `${window.map((at) => clock(at * 1000)).join(' to ')}.` : '';
};

async function refreshTags() {
  const { tags, more } = await get('tags', { limit: TAGS_ASKED });
  charts.tags = tags;
  charts.more = more;
}

function wireCharts(refresh) {
  $('chart-form').addEventListener('submit', (event) => event.preventDefault());
  $('chart-filter').addEventListener('input', (event) => {
    charts.filter = event.target.value;
    refresh();
  });
  $('chart-span').addEventListener('change', (event) => {
    charts.span = Number(event.target.value);
    charts.zoom(null);
  });
  $('earlier').addEventListener('click', () => charts.shift(-0.5));
  $('later').addEventListener('click', () => charts.shift(0.5));
  $('out').addEventListener('click', () => charts.scale(2));
  $('in').addEventListener('click', () => charts.scale(0.5));
  $('live').addEventListener('click', () => charts.zoom(null));
  document.addEventListener('keydown', (event) => {
    const keys = { '[': 'earlier', ']': 'later', '-': 'out', '+': 'in', l: 'live', p: 'pause' };
    if (keys[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey && !/INPUT|SELECT/.test(event.target.tagName)) {
      $(keys[event.key]).click();
    }
  });
}

// ---- together ----

// What fails is said in the head of the page until it works again; the rest of the page goes on.
const watched = (task) => async () => {
  try {
    await task();
    state.failures.delete(task);
  } catch (error) {
    state.failures.set(task, error.message);
  }
  showState();
};

let paused = false;
const refresh = {
  summary: throttled(watched(async () => showSummary(await get('server'))), 2000),
  bridges: throttled(watched(refreshBridges), 2000),
  batches: throttled(watched(loadBatches), 2000),
  losses: throttled(watched(refreshLosses), 10000),
  alarms: throttled(watched(refreshAlarms), 1000),
  tags: throttled(watched(refreshTags), 30000),
  charts: throttled(watched(() => charts.refresh()), 1000),
};

function refreshLiveCharts() {
  if (!charts.window && !document.hidden) {
    refresh.charts();
  }
}

function start() {
  wireCharts(refresh.charts);
  $('pause').addEventListener('click', () => {
    paused = !paused;
    $('pause').setAttribute('aria-pressed', String(paused));
  });
  $('more-bridges').addEventListener('click', () => {
    bridgesWanted = Math.min(1000, bridgesWanted * 2);
    refresh.bridges();
  });
  follow({
    stream: (open) => {
      state.stream = open;
      batchesKnown = batchesKnown && !open;
      showState();
      refresh.summary();
      refresh.batches();
    },
    server: ({ connected }) => {
      state.server = connected;
      showState();
      refresh.bridges();
    },
    batch: (batch) => {
      if (!paused) {
        batchTable.prepend(batch, BATCH_ROWS);
      }
      refreshLiveCharts();
    },
    alarm: refresh.alarms,
  });
  setInterval(() => {
    if (!document.hidden) {
      refresh.summary();
      refresh.bridges();
      refresh.batches();
      refresh.losses();
      refresh.alarms();
      refresh.tags();
      refreshLiveCharts(); // time goes on, and values age, also where no batch comes any more
    }
  }, 3000);
}

await refresh.tags();
start();
for (const task of Object.values(refresh)) {
  task();
}
