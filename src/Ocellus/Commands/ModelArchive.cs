using System.IO.Compression;
using System.Security.Cryptography;
using Microsoft.ML.OnnxRuntime;
using Ocellus.Refusals;
using Ocellus.Training;
using Ocellus.Vision.Inference;

namespace Ocellus.Commands;

/// <summary>
/// A trained model as one file: <c>model.onnx</c>, <c>model.json</c>, a Python program that runs them, the colour profiles that it needs, and the evaluation.
/// They are in a folder of the archive's own name, so that unpacking it leaves one thing behind; archives of earlier versions have them at the top.
/// </summary>
internal static class ModelArchive
{
    public const string Program = ModelPackage.Program;

    /// <summary>The module that reads images for <see cref="Program"/>.</summary>
    public const string Reader = ModelPackage.Reader;

    public const string Evaluation = ModelPackage.Evaluation;

    /// <summary>Maximum bytes of model.onnx: 2 GB, the limit of a protobuf message.</summary>
    private const long ModelBytesMax = int.MaxValue;

    /// <summary>Maximum bytes of model.json: room for the names and thresholds of thousands of labels.</summary>
    private const long DescriptionBytesMax = 16L << 20;

    /// <inheritdoc cref="ModelPackage.Write"/>
    public static void Write(string path, string modelFolder, string? evaluation) => ModelPackage.Write(path, modelFolder, evaluation);

    /// <summary>The description of a model in an archive, or in a folder with the same files, without the model itself.</summary>
    /// <param name="path">The archive or folder.</param>
    /// <exception cref="InvalidDataException">Not a model; the message says what was found.</exception>
    public static ModelDescription Describe(string path)
    {
        if (Directory.Exists(path))
        {
            var file = Path.Combine(path, ModelFiles.Description);
            return ModelDescription.FromJson(File.Exists(file) ? File.ReadAllBytes(file) : throw new InvalidDataException($"{path} has no {file}."));
        }

        RequireFile(path);
        using var archive = ZipFile.OpenRead(path);
        return ModelDescription.FromJson(Read(archive, path, ModelFiles.Description, DescriptionBytesMax));
    }

    /// <summary>As <see cref="Read(string, bool)"/>, of the model that is run.</summary>
    public static (byte[] Model, ModelDescription Description) Read(string path) => Read(path, real: false);

    /// <summary>Content of model.onnx and of model.json of an archive, or of a folder with the same files.</summary>
    /// <param name="path">The archive or folder.</param>
    /// <param name="real">Of the float model, if the one that is run computes with 8 bits: what a training goes on from.</param>
    /// <exception cref="InvalidDataException">Not a model, or damaged; the message says what was found.</exception>
    public static (byte[] Model, ModelDescription Description) Read(string path, bool real)
    {
        if (Directory.Exists(path))
        {
            if (real && File.Exists(Path.Combine(path, ModelPackage.Float, ModelFiles.Description)))
            {
                return Read(Path.Combine(path, ModelPackage.Float), real: false);
            }

            var file = Path.Combine(path, ModelFiles.Model);
            return (File.Exists(file) ? File.ReadAllBytes(file) : throw new InvalidDataException($"{path} has no {file}."), Describe(path));
        }

        RequireFile(path);
        byte[] model;
        ModelDescription description;
        try
        {
            using var archive = ZipFile.OpenRead(path);
            var folder = real ? RealFolder(archive) : null;
            description = ModelDescription.FromJson(Read(archive, path, folder + ModelFiles.Description, DescriptionBytesMax));
            model = Read(archive, path, folder + ModelFiles.Model, ModelBytesMax);
        }
        catch (InvalidDataException failure) when (!failure.Message.StartsWith(path, StringComparison.Ordinal))
        {
            throw new InvalidDataException($"{path} is not a model made by `ocellus train` or `ocellus export`: {failure.Message}", failure);
        }

        if (Convert.ToHexStringLower(SHA256.HashData(model)) != description.ModelSha256)
        {
            throw new InvalidDataException(
                $"{path} is damaged: the SHA-256 of {ModelFiles.Model} ({model.Length:N0} bytes) differs from the one in {ModelFiles.Description}.");
        }

        return (model, description);
    }

    /// <summary>Loads a model from an archive, or from a folder with the same files.</summary>
    /// <param name="path">The archive or folder.</param>
    /// <param name="threads">Threads of one answer.</param>
    /// <exception cref="InvalidDataException">Not a model; the message says what was found.</exception>
    public static TrainedModel Open(string path, int threads)
    {
        // Where the 8-bit model would answer wrongly, the float one beside it is run.
        if (Directory.Exists(path))
        {
            var beside = Path.Combine(path, ModelPackage.Float);
            return TrainedModel.Load(Directory.Exists(beside) && !Describe(path).IsExactOn() ? beside : path, threads);
        }

        var (model, description) = Read(path);
        (model, description) = description.IsExactOn() ? (model, description) : Read(path, real: true);
        try
        {
            return new TrainedModel(model, description, threads);
        }
        catch (OnnxRuntimeException failure)
        {
            throw new InvalidDataException($"{path}: {ModelFiles.Model} cannot be loaded: {failure.Message}", failure);
        }
    }

    private static void RequireFile(string path)
    {
        if (!File.Exists(path))
        {
            throw new CommandRefusedException($"There is no model {path}. `ocellus train` and `ocellus export` make one.");
        }
    }

    /// <summary>Path within an archive of the float model beside an 8-bit one; null if there is none.</summary>
    private static string? RealFolder(ZipArchive archive)
    {
        const string end = $"{ModelPackage.Float}/{ModelFiles.Description}";
        // The deepest: an archive may itself be called so, and then its own folder is.
        return archive.Entries.Where(e => e.FullName == end || (e.FullName.EndsWith("/" + end, StringComparison.Ordinal)
            && e.FullName.Count(c => c == '/') == 2)).MaxBy(e => e.FullName.Length)?.FullName[..^ModelFiles.Description.Length];
    }

    private static byte[] Read(ZipArchive archive, string path, string name, long bytesMax)
    {
        var entry = archive.GetEntry(name)
            ?? archive.Entries.FirstOrDefault(e => e.Name == name && e.FullName.Count(c => c == '/') == 1)
            ?? throw new InvalidDataException(
                $"{path} has no {name}; it holds {Names(archive)}. A model made by `ocellus train` or `ocellus export` is needed.");
        if (entry.Length > bytesMax)
        {
            throw new InvalidDataException($"{path}: {name} has {entry.Length:N0} bytes; the maximum is {bytesMax:N0}.");
        }

        // The length is only claimed by the archive: no more than that is read.
        var bytes = new byte[entry.Length];
        using var stream = entry.Open();
        stream.ReadExactly(bytes);
        return bytes;
    }

    private static string Names(ZipArchive archive)
    {
        const int shown = 5;
        return archive.Entries.Count == 0
            ? "nothing"
            : string.Join(", ", archive.Entries.Take(shown).Select(e => e.FullName)) + (archive.Entries.Count > shown ? ", …" : "");
    }
}
