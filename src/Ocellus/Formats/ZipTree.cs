using System.IO.Compression;
using Ocellus.Refusals;

namespace Ocellus.Formats;

/// <summary>A zip archive, read in place. Its members are checked against what its directory says while they are read.</summary>
internal sealed class ZipTree : SourceTree
{
    private const int LinkMode = 0xA000, ModeMask = 0xF000;

    private readonly ZipArchive _archive;
    private readonly Dictionary<string, ZipArchiveEntry> _entries = new(StringComparer.Ordinal);
    private readonly List<string> _leadingOut = [];

    /// <exception cref="CommandRefusedException">It is damaged, or larger than an archive may be.</exception>
    public ZipTree(string path, SourceLimits limits)
        : base(limits)
    {
        try
        {
            _archive = ZipFile.OpenRead(path);
        }
        catch (InvalidDataException failure)
        {
            throw Damaged(path, failure);
        }

        try
        {
            Index(path, limits);
        }
        catch (InvalidDataException failure)
        {
            _archive.Dispose();
            throw Damaged(path, failure);
        }
        catch
        {
            // A file that is held open keeps its place on the disk, even when it is removed.
            _archive.Dispose();
            throw;
        }
    }

    private static CommandRefusedException Damaged(string path, InvalidDataException failure) =>
        new($"{path} is a damaged zip file: {failure.Message}");

    private void Index(string path, SourceLimits limits)
    {
        if (_archive.Entries.Count > limits.FilesMax)
        {
            throw new CommandRefusedException($"{path} has {_archive.Entries.Count:N0} files; the maximum is {limits.FilesMax:N0}.");
        }

        long bytes = 0;
        foreach (var entry in _archive.Entries)
        {
            if (entry.FullName.EndsWith('/') || entry.FullName.EndsWith('\\'))
            {
                continue;
            }

            if (entry.IsEncrypted)
            {
                // Its bytes would be read as they are, and a picture that is stored would be noise.
                throw new CommandRefusedException($"{path} is protected with a password. Unpack it, and name the folder.");
            }

            bytes += entry.Length;
            if (bytes > limits.ArchiveBytesMax)
            {
                throw new CommandRefusedException($"{path} would be more than {limits.ArchiveBytesMax:N0} bytes when unpacked. It is not read.");
            }

            var isLink = ((entry.ExternalAttributes >> 16) & ModeMask) == LinkMode;
            var isRooted = entry.FullName.StartsWith('/') || entry.FullName.StartsWith('\\') || (entry.FullName.Length > 1 && entry.FullName[1] == ':');
            if (isLink || isRooted || Normalize("", entry.FullName) is not { Length: > 0 } name)
            {
                _leadingOut.Add(entry.FullName);
            }
            else if (name.Count(c => c == '/') <= limits.DepthMax && !name.Split('/').Any(part => IsHidden(part)))
            {
                _entries.TryAdd(name, entry);
            }
        }
    }

    public override string? PathOnDisk(string name) => null;

    public override long Length(string name) => _entries[name].Length;

    public override Stream Open(string name)
    {
        var entry = _entries[name];
        if (entry.Length > Limits.RatioFreeBytes && entry.Length > entry.CompressedLength * Limits.ArchiveRatioMax)
        {
            throw new InvalidDataException(
                $"{name} would be {entry.Length:N0} bytes when unpacked, more than {Limits.ArchiveRatioMax} times its {entry.CompressedLength:N0} packed "
                    + "bytes, as in an archive that is made to fill a disk. Unpack the archive yourself if you trust it, and name the folder.");
        }

        lock (_archive)
        {
            return new Member(entry.Open(), _archive, entry.Length, name);
        }
    }

    public override void Dispose()
    {
        _archive.Dispose();
        base.Dispose();
    }

    protected override IEnumerable<string> Names(Findings findings)
    {
        foreach (var name in _leadingOut)
        {
            findings.Error(
                "leads-out", new(name), $"{name} leads out of the archive, or is a link, and was not read.",
                "Pack the files themselves, with names below one folder.");
        }

        return _entries.Keys.Order(StringComparer.Ordinal);
    }

    /// <summary>A member of the archive. All share one file, so one reads at a time; and none gives more than the directory has promised.</summary>
    private sealed class Member(Stream inner, object gate, long length, string name) : Stream
    {
        private long _read;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => length;

        public override long Position { get => _read; set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            int got;
            lock (gate)
            {
                got = inner.Read(buffer);
            }

            _read += got;
            return _read <= length ? got : throw new InvalidDataException($"{name} is larger than the archive says. The archive is damaged or hostile.");
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                lock (gate)
                {
                    inner.Dispose();
                }
            }

            base.Dispose(disposing);
        }
    }
}
