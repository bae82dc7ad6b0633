using System.Formats.Tar;
using System.Text;
using Ocellus.Backups;

namespace Ocellus.Tests.Commands;

/// <summary>Archives whose extended headers would take a reader's memory.</summary>
public sealed class HostileArchiveTests : IDisposable
{
    private readonly string _top = Directory.CreateTempSubdirectory("ocellus-tar").FullName;

    public void Dispose() => Directory.Delete(_top, recursive: true);

    [Theory]
    [InlineData('x', "00000200001")]
    [InlineData('g', "07777777777")]
    [InlineData('L', "07777777777")]
    [InlineData('K', "77777777777")]
    // Base-256, the form of sizes beyond 8 GB.
    [InlineData('x', "\u0080\0\0\0\0\0\0\u0001\0\0\0")]
    public void An_extended_header_larger_than_64_KB_is_refused_unread(char type, string size)
    {
        var path = Write((type, size, 0));
        var before = GC.GetAllocatedBytesForCurrentThread();

        var failure = Assert.Throws<InvalidDataException>(() => BackupReader.Extract(path, _top, _ => { }, TestContext.Current.CancellationToken));

        Assert.Contains("an extended header at byte 0 is larger than 65536 bytes", failure.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void One_behind_another_is_refused_too()
    {
        var path = Write(('L', "00000001000", 512), ('x', "07777777777", 0));

        var failure = Assert.Throws<InvalidDataException>(() => BackupReader.Extract(path, _top, _ => { }, TestContext.Current.CancellationToken));

        Assert.Contains("an extended header at byte 1024 ", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_entries_of_an_archive_are_found_where_the_reader_finds_them()
    {
        using var archive = new MemoryStream();
        using (var writer = new TarWriter(archive, TarEntryFormat.Pax, leaveOpen: true))
        {
            foreach (var (name, bytes) in new[] { ("a", 0), (new string('b', 300), 1), ("c", 512), ("d", 513) })
            {
                writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(new byte[bytes]) });
            }
        }

        archive.Position = 0;
        using var reader = new TarReader(archive);
        long header = 0;
        for (var i = 0; i < 4; i++)
        {
            TarHeaders.Check(archive, header);
            // An extended header and its data, and the entry's own header.
            var entry = reader.GetNextEntry()!;
            Assert.Equal(header + (3 * 512), entry.DataOffset);
            header = TarHeaders.After(entry.DataOffset, entry.Length);
        }

        TarHeaders.Check(archive, header);
        Assert.Null(reader.GetNextEntry());
    }

    private string Write(params (char Type, string Size, int Data)[] headers)
    {
        var path = Path.Combine(_top, "archive.tar");
        using var file = File.Create(path);
        foreach (var (type, size, data) in headers)
        {
            var header = new byte[512];
            Encoding.ASCII.GetBytes("name").CopyTo(header, 0);
            Encoding.ASCII.GetBytes("0000600\0" + "0000000\0" + "0000000\0").CopyTo(header, 100);
            Encoding.Latin1.GetBytes(size).CopyTo(header, 124);
            Encoding.ASCII.GetBytes("00000000000\0        ").CopyTo(header, 136);
            header[156] = (byte)type;
            Encoding.ASCII.GetBytes("ustar\0" + "00").CopyTo(header, 257);
            Encoding.ASCII.GetBytes($"{Convert.ToString(header.Sum(b => b), 8).PadLeft(6, '0')}\0 ").CopyTo(header, 148);
            file.Write(header);
            file.Write(new byte[data]);
        }

        file.Write(new byte[4096]);
        return path;
    }
}
