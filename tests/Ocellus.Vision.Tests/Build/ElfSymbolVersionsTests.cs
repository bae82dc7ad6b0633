using System.Buffers.Binary;
using System.Text;
using Ocellus.Build;

namespace Ocellus.Vision.Tests.Build;

public sealed class ElfSymbolVersionsTests
{
    private const int Strings = 64, Needs = 96, Headers = 160;

    [Fact]
    public void Only_the_named_version_becomes_weak()
    {
        byte[] file = Library();
        byte[] before = [.. file];

        Assert.Equal(1, ElfSymbolVersions.Relax(file, "NEW_2"));

        int[] changed = [.. Enumerable.Range(0, file.Length).Where(i => file[i] != before[i])];
        Assert.Equal([Needs + 32 + 4], changed);
        Assert.Equal(2, file[Needs + 32 + 4]);
    }

    [Fact]
    public void A_second_time_changes_nothing()
    {
        byte[] file = Library();
        ElfSymbolVersions.Relax(file, "NEW_2");
        Assert.Equal(0, ElfSymbolVersions.Relax(file, "NEW_2"));
    }

    [Fact]
    public void A_table_outside_the_file_is_refused()
    {
        byte[] file = Library();
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(Headers + 64 + 24), 1_000_000);
        Assert.Throws<InvalidDataException>(() => ElfSymbolVersions.Relax(file, "NEW_2"));
    }

    [Fact]
    public void A_hard_link_keeps_its_bytes()
    {
        if (!OperatingSystem.IsLinux()) return;
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            string cache = Path.Combine(folder, "cache.so"), output = Path.Combine(folder, "output.so");
            File.WriteAllBytes(cache, Library());
            using (var link = System.Diagnostics.Process.Start("ln", [cache, output])) link.WaitForExit();
            DateTime time = File.GetLastWriteTimeUtc(output);

            Assert.True(ElfSymbolVersions.RelaxFile(output, "NEW_2"));

            Assert.Equal(Library(), File.ReadAllBytes(cache));
            Assert.NotEqual(Library(), File.ReadAllBytes(output));
            Assert.Equal(time, File.GetLastWriteTimeUtc(output));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Header, strings "\0OLD_1\0NEW_2\0", one need with two versions, and two section headers.</summary>
    private static byte[] Library()
    {
        var file = new byte[Headers + 128];
        new byte[] { 0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1 }.CopyTo(file, 0);
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(40), Headers);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(58), 64);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(60), 2);
        Encoding.ASCII.GetBytes("\0OLD_1\0NEW_2\0").CopyTo(file, Strings);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(Needs), 1); // vn_version
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(Needs + 2), 2); // vn_cnt
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(Needs + 8), 16); // vn_aux
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(Needs + 16 + 8), 1); // vna_name
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(Needs + 16 + 12), 16); // vna_next
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(Needs + 32 + 8), 7);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(Headers + 4), 3); // SHT_STRTAB
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(Headers + 24), Strings);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(Headers + 64 + 4), 0x6ffffffe); // SHT_GNU_verneed
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(Headers + 64 + 24), Needs);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(Headers + 64 + 44), 1); // sh_info
        return file;
    }
}
