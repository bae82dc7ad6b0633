// A zip file of a few text files, stored as they are: labels that lie in many files go to the server as one.

const LOCAL = 0x04034b50, CENTRAL = 0x02014b50, END = 0x06054b50, UTF8_NAMES = 0x0800, VERSION = 20;
/** What sizes and places in the file are written with. */
const BYTES_MAX = 0xffffffff, FILES_MAX = 0xffff;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});

/** The CRC-32 of bytes. @param {Uint8Array} bytes */
export function crc32(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 0xff] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

/** @param {[2 | 4, number][]} fields bytes and value of each, little-endian */
function record(fields) {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [bytes]) => sum + bytes, 0)));
  let at = 0;
  for (const [bytes, value] of fields) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  return new Uint8Array(view.buffer);
}

/**
 * Packs files.
 * @param {{ path: string, file: Blob }[]} files @returns {Promise<Blob>}
 * @throws {RangeError} there are too many, or they are too large together
 */
export async function zip(files) {
  if (files.length > FILES_MAX) throw new RangeError(`At most ${FILES_MAX} files of labels can be taken at once; received ${files.length}. Make a zip file of them first.`);
  /** @type {BlobPart[]} */
  const parts = [];
  /** @type {BlobPart[]} */
  const directory = [];
  let place = 0, length = 0;
  for (const { path, file } of files) {
    const name = new TextEncoder().encode(path), bytes = new Uint8Array(await file.arrayBuffer());
    /** @type {[2 | 4, number][]} */
    const shared = [[2, UTF8_NAMES], [2, 0], [2, 0], [2, 0x21], [4, crc32(bytes)], [4, bytes.length], [4, bytes.length], [2, name.length], [2, 0]];
    const head = record([[4, LOCAL], [2, VERSION], ...shared]), entry = record([[4, CENTRAL], [2, VERSION], [2, VERSION], ...shared, [2, 0], [2, 0], [2, 0], [4, 0], [4, place]]);
    parts.push(head, name, bytes);
    directory.push(entry, name);
    place += head.length + name.length + bytes.length;
    length += entry.length + name.length;
    if (place + length > BYTES_MAX) throw new RangeError("The files of labels have more than 4 GB together. Import them with ./ocellus import.");
  }
  const end = record([[4, END], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, length], [4, place], [2, 0]]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}
