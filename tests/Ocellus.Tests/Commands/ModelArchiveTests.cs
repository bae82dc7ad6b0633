using System.IO.Compression;
using Ocellus.Commands;
using Ocellus.Refusals;
using Ocellus.Vision.Inference;

namespace Ocellus.Tests.Commands;

public sealed class ModelArchiveTests : IDisposable
{
    private readonly string _top = Directory.CreateTempSubdirectory("ocellus-test-").FullName;

    private string Archive => Path.Combine(_top, "model.zip");

    public void Dispose() => Directory.Delete(_top, recursive: true);

    [Fact]
    public void It_holds_the_model_its_description_a_program_and_the_evaluation()
    {
        var evaluation = Path.Combine(_top, "summary");
        File.WriteAllText(evaluation, "{}");
        ModelArchive.Write(Archive, Model(), evaluation);
        using var archive = ZipFile.OpenRead(Archive);
        Assert.Equal(
            ["model.onnx", "model.json", "predict.py", "read_picture.py", "srgb.icc", "cmyk.icc", "evaluation.json"],
            archive.Entries.Select(e => e.FullName["model/".Length..]));
        Assert.All(archive.Entries, entry => Assert.StartsWith("model/", entry.FullName, StringComparison.Ordinal));
        Assert.Equal([1, 2, 3], Bytes(archive.GetEntry("model/model.onnx")!));
        Assert.Contains("onnxruntime", System.Text.Encoding.UTF8.GetString(Bytes(archive.GetEntry("model/predict.py")!)), StringComparison.Ordinal);
        Assert.Equal(["model", "model.zip", "summary"], Directory.EnumerateFileSystemEntries(_top).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_write_that_fails_leaves_what_was_there()
    {
        ModelArchive.Write(Archive, Model(), null);
        var before = File.ReadAllBytes(Archive);
        Assert.Throws<FileNotFoundException>(() => ModelArchive.Write(Archive, Model(), Path.Combine(_top, "not there")));
        Assert.Equal(before, File.ReadAllBytes(Archive));
        Assert.Equal(["model", "model.zip"], Directory.EnumerateFileSystemEntries(_top).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_model_whose_bytes_changed_is_refused()
    {
        ModelArchive.Write(Archive, Model(), null);
        using (var archive = ZipFile.Open(Archive, ZipArchiveMode.Update))
        {
            archive.GetEntry("model/model.onnx")!.Delete();
            using var entry = archive.CreateEntry("model/model.onnx").Open();
            entry.Write([1, 2, 4]);
        }

        Assert.Contains("SHA-256", Assert.Throws<InvalidDataException>(() => ModelArchive.Open(Archive, 1)).Message, StringComparison.Ordinal);
    }

    /// <summary>Earlier versions wrote the files without a folder around them.</summary>
    [Fact]
    public void An_archive_of_an_earlier_version_is_read()
    {
        using (var archive = ZipFile.Open(Archive, ZipArchiveMode.Create))
        {
            archive.CreateEntryFromFile(Path.Combine(Model(), "model.json"), "model.json");
        }

        Assert.Equal(ModelArchive.Describe(Path.Combine(_top, "model")).ModelSha256, ModelArchive.Describe(Archive).ModelSha256);
        File.Delete(Archive);
        ModelArchive.Write(Archive, Path.Combine(_top, "model"), null);
        Assert.Equal(ModelArchive.Describe(Path.Combine(_top, "model")).ModelSha256, ModelArchive.Describe(Archive).ModelSha256);
    }

    [Fact]
    public void What_is_no_model_is_refused_by_name()
    {
        File.WriteAllText(Archive, "not a zip");
        Assert.Contains(Archive, Assert.Throws<InvalidDataException>(() => ModelArchive.Open(Archive, 1)).Message, StringComparison.Ordinal);

        File.Delete(Archive);
        using (var archive = ZipFile.Open(Archive, ZipArchiveMode.Create))
        {
            archive.CreateEntry("holiday.jpg");
        }

        var message = Assert.Throws<InvalidDataException>(() => ModelArchive.Open(Archive, 1)).Message;
        Assert.Contains("has no model.json; it holds holiday.jpg", message, StringComparison.Ordinal);
        Assert.Contains(
            "There is no model", Assert.Throws<CommandRefusedException>(() => ModelArchive.Open(Archive + "x", 1)).Message, StringComparison.Ordinal);
    }

    private string Model()
    {
        var folder = Path.Combine(_top, "model");
        ModelFiles.Save(
            folder, [1, 2, 3],
            new ModelDescription(ModelKinds.Classification, ["a", "b"], 224, 224, "squash", "linear-head", new Dictionary<string, string>()));
        return folder;
    }

    private static byte[] Bytes(ZipArchiveEntry entry)
    {
        using var stream = entry.Open();
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
