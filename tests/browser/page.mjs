// The page in headless Chromium, against the real programs. Arguments: the page's address, a folder for screenshots.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { chromium } = createRequire(import.meta.url)('playwright-core'); // by NODE_PATH

const [, , address, folder] = process.argv;
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
    await until(page, () => /1 of 1/.test(document.getElementById('sum-connected').textContent));
    const card = await text(page, '#bridge-cards .card');
    for (const part of ['cell-3', 'connected', 'Last ack', 'Lag', 'Backlog', 'Clock', 'Certificate', 'With a value']) {
      assert.ok(card.includes(part), `the bridge's card has no "${part}": ${card}`);
    }
    await until(page, () => document.querySelector('.chart .name')?.textContent.includes('pressure')
      && /\d bar$/.test(document.querySelector('.chart .value').textContent));
    await until(page, () => /boiler-1\/pressure/.test(document.getElementById('alarm-table').textContent));
    const sequence = () => Number(document.querySelector('#batch-table tbody td.right')?.textContent);
    const first = await page.evaluate(sequence);
    await until(page, (before) => Number(document.querySelector('#batch-table tbody td.right').textContent) > before,
      first);
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
    const reached = new Set();
    for (let i = 0; i < 30; i += 1) {
      await page.keyboard.press('Tab');
      reached.add(await page.evaluate(() => document.activeElement.id || document.activeElement.getAttribute('href')
        || document.activeElement.getAttribute('aria-labelledby')));
    }
    for (const wanted of ['chart-filter', 'chart-span', 'earlier', 'later', 'live', 'pause', 'batches-title']) {
      assert.ok(reached.has(wanted), `Tab does not reach ${wanted}`);
    }
    await page.close();
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
    for (const [width, height] of [[400, 850], [1280, 900], [2560, 1440]]) {
      for (const scheme of ['light', 'dark']) {
        const page = await open(width, height, scheme);
        await until(page, () => /\d/.test(document.querySelector('.chart .value').textContent)
          && /\d/.test(document.getElementById('sum-alarms').textContent));
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(wide <= width, `at ${width} px the page is ${wide} px wide`);
        await page.screenshot({ path: join(folder, `${width}-${scheme}.png`), fullPage: true });
        await page.close();
      }
    }
  },
};

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  try {
    await test();
    console.log(`ok: ${name}`);
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
