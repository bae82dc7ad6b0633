using System.IO.Compression;
using System.Text;
using Ocellus.Storage;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;

namespace Ocellus.Training;

/// <summary>
/// Writes a trained model as one file: <c>model.onnx</c>, <c>model.json</c>, a Python program that runs them, the colour profiles that it needs, and the
/// evaluation. They are in a folder of the archive's own name, so that unpacking it leaves one thing behind; archives of earlier versions have them at the top.
/// <c>model.onnx</c> is the file that a server on this machine runs. If it computes with 8 bits, the float model is in the folder <see cref="Float"/>: what a
/// training goes on from.
/// </summary>
internal static class ModelPackage
{
    public const string Program = "predict.py";

    /// <summary>The module that reads images for <see cref="Program"/>.</summary>
    public const string Reader = "read_picture.py";

    public const string Evaluation = "evaluation.json";

    /// <summary>Folder of the float model beside an 8-bit one, with the names of a model's files.</summary>
    public const string Float = "float";

    /// <summary>Writes the archive whole or not at all: a reader never sees half a model.</summary>
    /// <param name="path">The archive; replaced if it exists.</param>
    /// <param name="modelFolder">Folder of model.onnx and model.json.</param>
    /// <param name="evaluation">A file with the evaluation summary, or null.</param>
    /// <param name="name">The folder within the archive; without it that of <see cref="Folder"/>.</param>
    /// <exception cref="IOException">Not readable, not writable, or the disk is full; an archive that was there is unchanged.</exception>
    public static void Write(string path, string modelFolder, string? evaluation, string? name = null)
    {
        var top = (name ?? Folder(path)) + "/";
        var temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            using (var stream = FileSystem.CreatePrivate(temporary))
            {
                using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
                {
                    AddModel(archive, modelFolder, top);
                    foreach (var part in (ReadOnlySpan<string>)[Program, Reader])
                    {
                        using var program = archive.CreateEntry(top + part).Open();
                        using var source = typeof(ModelPackage).Assembly.GetManifestResourceStream(part)!;
                        source.CopyTo(program);
                    }

                    foreach (var (part, profile) in (ReadOnlySpan<(string, byte[])>)[("srgb.icc", ColourProfile.Srgb()), ("cmyk.icc", ColourProfile.Cmyk())])
                    {
                        using var entry = archive.CreateEntry(top + part).Open();
                        entry.Write(profile);
                    }

                    if (evaluation is not null)
                    {
                        archive.CreateEntryFromFile(evaluation, top + Evaluation);
                    }
                }

                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    private static void AddModel(ZipArchive archive, string modelFolder, string top)
    {
        var file = Path.Combine(modelFolder, ModelFiles.Description);
        var description = ModelDescription.FromJson(File.ReadAllBytes(file));
        var served = ServedModel.Of(description, speed: null);
        // Weights hardly compress: it would cost a second and save a twentieth.
        archive.CreateEntryFromFile(Path.Combine(modelFolder, served.File), top + ModelFiles.Model, CompressionLevel.NoCompression);
        if (description.EightBit is null)
        {
            archive.CreateEntryFromFile(file, top + ModelFiles.Description);
            return;
        }

        AddText(archive, top + ModelFiles.Description, served.Description.ToJson());
        if (served.Precision == ModelPrecisions.EightBit)
        {
            var real = $"{top}{Float}/";
            archive.CreateEntryFromFile(Path.Combine(modelFolder, ModelFiles.Model), real + ModelFiles.Model, CompressionLevel.NoCompression);
            AddText(archive, real + ModelFiles.Description, (description with { EightBit = null }).ToJson());
        }
    }

    private static void AddText(ZipArchive archive, string name, string text)
    {
        using var entry = archive.CreateEntry(name).Open();
        entry.Write(Encoding.UTF8.GetBytes(text));
    }

    /// <summary>The folder within an archive: the archive's name without its extension.</summary>
    public static string Folder(string path) => Path.GetFileNameWithoutExtension(path) is { Length: > 0 } name and not ("." or "..") ? name : "model";
}
