// The page in headless Chromium, against the real programs. Arguments: the page's address, a folder for screenshots.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { chromium } = createRequire(import.meta.url)('playwright-core'); // by NODE_PATH

const [, , address, folder, away] = process.argv; // away: the server is stopped
const PATIENCE = 60000; // ms, for anything that takes a moment on an idle machine
const profile = await mkdtemp(join(tmpdir(), 'bourdon-chromium-'));
const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];

const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags, chromiumSandbox: false,
});
context.setDefaultTimeout(PATIENCE);

const complaints = [];
const strangers = [];

async function open(width, height, colorScheme) {
  const page = await context.newPage();
  await page.setViewportSize({ width, height });
  await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) {
      complaints.push(message.text());
    }
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(address).origin) {
      strangers.push(request.url());
    }
  });
  await page.goto(address);
  await page.waitForSelector('.chart canvas');
  return page;
}

const text = (page, selector) => page.locator(selector).first().innerText();

// Playwright's own waiting evaluates a string in the page, which its content security policy forbids.
async function until(page, condition, argument) {
  const deadline = Date.now() + PATIENCE;
  while (!(await page.evaluate(condition, argument))) {
    assert.ok(Date.now() < deadline, `in vain: ${condition}`);
    await page.waitForTimeout(50);
  }
}

const tests = {
  async shows_bridges_charts_alarms_and_batches_as_they_come() {
    const page = await open(1280, 900, 'light');
    await until(page, () => document.getElementById('state-text').textContent === 'Live');
    await until(page, () => /1 of 2/.test(document.getElementById('sum-connected').textContent));
    const card = await page.locator('#bridge-cards .card', { hasText: 'cell-3' }).innerText();
    for (const part of ['cell-3', 'connected', 'Last ack', 'Lag', 'Backlog', 'Clock', 'Certificate', 'With a value']) {
      assert.ok(card.includes(part), `the bridge's card has no "${part}": ${card}`);
    }
    await until(page, () => document.querySelector('.chart .name')?.textContent.includes('pressure')
      && /\d bar$/.test(document.querySelector('.chart .value').textContent));
    await until(page, () => /boiler-1\/pressure.*\d bar.*high 0\.1 bar/.test(document.getElementById('alarm-table').textContent));
    await until(page, () => /^\(\d+\) Bourdon$/.test(document.title));
    await until(page, () => document.getElementById('alarms').getBoundingClientRect().top
      < document.getElementById('bridges').getBoundingClientRect().top);
    const sequence = () => Number(document.querySelector('#batch-table tbody td.right')?.textContent);
    const first = await page.evaluate(sequence);
    await until(page, (before) => Number(document.querySelector('#batch-table tbody td.right').textContent) > before,
      first);
    await page.close();
  },

  async shows_names_from_anywhere_as_text_and_the_troubled_bridge_first() {
    const page = await open(1280, 900, 'light');
    await page.fill('#chart-filter', 'onerror');
    await until(page, () => document.querySelector('.chart .name')?.textContent
      .startsWith('<img src=x onerror="window.stranger=1">/pressure'));
    await until(page, () => document.querySelector('.chart .value').textContent.startsWith('7 <b>')); // and how old it is
    await until(page, () => /cell-4.*not connected/s.test(document.querySelector('#bridge-cards .card').textContent));
    assert.match(await page.locator('.chart .plot').first().getAttribute('aria-label'), /between 7 and 7/);
    assert.equal(await page.evaluate(() => window.stranger), undefined);
    assert.equal(await page.evaluate(() => document.querySelectorAll('main img').length), 0);
    await page.close();
  },

  async zooms_by_dragging_and_comes_back() {
    const page = await open(1280, 900, 'dark');
    const plot = page.locator('.chart .u-over').first();
    await plot.scrollIntoViewIfNeeded();
    const box = await plot.boundingBox();
    await page.mouse.move(box.x + box.width * 0.6, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.9, box.y + box.height / 2, { steps: 5 });
    await page.mouse.up();
    await until(page, () => document.getElementById('live').getAttribute('aria-pressed') === 'false');
    await page.locator('#live').click();
    await until(page, () => document.getElementById('live').getAttribute('aria-pressed') === 'true');
    await page.close();
  },

  async works_by_keyboard_alone() {
    const page = await open(1280, 900, 'light');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the charts');
    await page.keyboard.press('[');
    await until(page, () => document.getElementById('live').getAttribute('aria-pressed') === 'false');
    await page.keyboard.press('l');
    await until(page, () => document.getElementById('live').getAttribute('aria-pressed') === 'true');
    for (const [keys, shown] of [['+', '3 min'], ['+', '75 s'], ['-', '3 min']]) { // 5 min, halved, halved, doubled
      await page.keyboard.press(keys);
      await until(page, (wanted) => document.querySelector('.chart .plot').getAttribute('aria-label')
        .includes(`, ${wanted}: `), shown);
      assert.match(await text(page, '#chart-window'), /\d\d:\d\d:\d\d to .*\d\d:\d\d:\d\d\./);
    }
    await page.keyboard.press('l');
    await until(page, () => document.getElementById('chart-window').textContent === '');
    const reached = new Set();
    for (let i = 0; i < 30; i += 1) {
      await page.keyboard.press('Tab');
      reached.add(await page.evaluate(() => document.activeElement.id || document.activeElement.getAttribute('href')
        || document.activeElement.getAttribute('aria-labelledby')));
    }
    for (const wanted of ['chart-filter', 'chart-span', 'earlier', 'later', 'out', 'in', 'live', 'pause', 'batches-title']) {
      assert.ok(reached.has(wanted), `Tab does not reach ${wanted}`);
    }
    await page.close();
  },

  async comes_back_when_its_stream_was_refused_and_with_a_new_version() {
    const page = await open(1280, 900, 'light');
    await page.route('**/api/v1/events', (route) => route.fulfill({ status: 503, body: 'enough' }));
    await page.reload();
    await until(page, () => /has lost its server/.test(document.getElementById('state-text').textContent));
    await page.unroute('**/api/v1/events');
    await until(page, () => document.getElementById('state-text').textContent === 'Live');
    const again = page.waitForEvent('load');
    await page.route('**/api/v1/server', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: (await response.text()).replace(/"version":"[^"]*"/, '"version":"99.0"') });
    });
    await again;
    await until(page, () => document.getElementById('version').textContent === '99.0');
    await page.close();
    complaints.length = 0; // the browser's own, of the status
  },

  async narrows_charts_by_name() {
    const page = await open(1280, 900, 'light');
    await page.fill('#chart-filter', 'compressor Pa');
    await until(page, () => document.querySelectorAll('.chart').length === 1
      && document.querySelector('.chart .name').textContent.startsWith('compressor/absolute'));
    await page.fill('#chart-filter', 'no tag is called so');
    await until(page, () => document.getElementById('chart-note').textContent.startsWith('No tag'));
    await page.close();
  },

  async fits_phones_and_walls_by_day_and_night() {
    for (const [width, height] of [[400, 850], [1280, 900], [2560, 1440], [3840, 2160]]) {
      for (const scheme of ['light', 'dark']) {
        const page = await open(width, height, scheme);
        await until(page, () => /\d/.test(document.querySelector('.chart .value').textContent)
          && /\d/.test(document.getElementById('sum-alarms').textContent));
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(wide <= width, `at ${width} px the page is ${wide} px wide`);
        const value = await page.evaluate(() => document.querySelector('#alarm-table tbody td:nth-child(3)')
          .getBoundingClientRect().right);
        assert.ok(value <= width, `at ${width} px the value of an alarm ends at ${value} px`);
        await page.screenshot({ path: join(folder, `${width}-${scheme}.png`), fullPage: true });
        await page.close();
      }
    }
  },
};

const testsAway = {
  async says_what_it_cannot_know_without_the_server() {
    const page = await open(1280, 900, 'dark');
    await until(page, () => /cannot be reached/.test(document.getElementById('state-text').textContent));
    for (const table of ['alarm-table', 'quarantine-table']) {
      await until(page, (id) => /^Unknown: /.test(document.querySelector(`#${id} tbody`).textContent), table);
    }
    await until(page, () => document.getElementById('sum-alarms').textContent === '–');
    assert.ok((await text(page, '#batch-table')).includes('cell-3'));
    await page.screenshot({ path: join(folder, 'away.png'), fullPage: true });
    await page.close();
  },

  async says_how_old_the_newest_value_is() {
    const page = await open(1280, 900, 'light');
    await until(page, () => /\d bar, \d+ (s|min) old$/.test(document.querySelector('.chart .value').textContent));
    await page.close();
  },

  async says_what_cannot_be_brought_up_to_date() {
    const page = await open(1280, 900, 'light');
    await page.route('**/api/v1/bridges*', (route) => route.fulfill({
      status: 503, contentType: 'application/json', body: '{"error":"the store is gone"}' }));
    await until(page, () => document.getElementById('state-text').textContent === 'Not up to date: the store is gone');
    await page.route(/\/api\/v1\/(gaps|acks|tags)/, (route) => route.fulfill({ status: 503, body: '' }));
    await page.reload();
    for (const place of ['gap-table', 'hole-table', 'quarantine-table', 'batch-table', 'chart-note']) {
      await until(page, (id) => /Not known yet\.$/.test(document.getElementById(id).textContent), place);
    }
    await page.unroute(/\/api\/v1\/(gaps|acks|tags)/);
    await until(page, () => /No gap/.test(document.getElementById('gap-table').textContent));
    await page.unroute('**/api/v1/bridges*');
    await until(page, () => !/Not up to date/.test(document.getElementById('state-text').textContent));
    complaints.length = 0; // the browser's own, of the status
    await page.close();
  },
};

let failed = 0;
for (const [name, test] of Object.entries(away ? testsAway : tests)) {
  const began = Date.now();
  try {
    await test();
    console.log(`ok: ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED: ${name}: ${error.message}`);
    const [page] = context.pages().slice(-1);
    await page?.screenshot({ path: join(folder, `failed-${name}.png`) }).catch(() => {});
  }
}
await context.close();
await rm(profile, { recursive: true, force: true });
if (complaints.length > 0 || strangers.length > 0) {
  failed += 1;
  console.log(`FAILED: complaints of the page: ${complaints.join('; ')}; requests to others: ${strangers.join(' ')}`);
}
process.exit(failed ? 1 : 0);
