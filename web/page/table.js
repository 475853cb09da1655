// A table of rows from the API. columns: {title, right, wide, cell(row), tone(row)}.

// Before the first answer, or while there is none.
export const UNKNOWN = 'Not known yet.';

export class Table {
  constructor(element, columns, empty) {
    this.columns = columns;
    this.empty = empty;
    const head = element.createTHead().insertRow();
    for (const column of columns) {
      const cell = document.createElement('th');
      cell.scope = 'col';
      cell.textContent = column.title;
      cell.classList.toggle('right', Boolean(column.right));
      head.append(cell);
    }
    this.body = element.createTBody();
    this.show([], UNKNOWN);
  }

  row(data, fresh) {
    const line = document.createElement('tr');
    line.classList.toggle('fresh', Boolean(fresh));
    for (const column of this.columns) {
      const cell = line.insertCell();
      const content = column.cell(data);
      if (content instanceof Node) {
        cell.append(content);
      } else {
        cell.textContent = content ?? '';
      }
      cell.classList.toggle('right', Boolean(column.right));
      cell.classList.toggle('wide', Boolean(column.wide));
      const tone = column.tone?.(data);
      if (tone) {
        cell.classList.add(tone);
      }
    }
    return line;
  }

  // `empty`: what there is to say without rows, instead of the usual.
  show(rows, empty) {
    this.body.replaceChildren(...rows.map((data) => this.row(data)));
    if (rows.length === 0) {
      const cell = this.body.insertRow().insertCell();
      cell.colSpan = this.columns.length;
      cell.className = 'empty';
      cell.textContent = empty ?? this.empty;
    }
  }

  // Puts a row on top and keeps `most`.
  prepend(data, most) {
    this.body.querySelector('td.empty')?.parentElement.remove();
    this.body.prepend(this.row(data, true));
    while (this.body.rows.length > most) {
      this.body.deleteRow(-1);
    }
  }
}
