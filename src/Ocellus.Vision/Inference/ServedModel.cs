using System.Security.Cryptography;

namespace Ocellus.Vision.Inference;

/// <summary>
/// Which of a model's files is run on this processor, and handed out: the 8-bit one if there is one and the processor gains by it, otherwise model.onnx.
/// </summary>
/// <param name="File">Name of the file in the folder.</param>
/// <param name="Description">The file's own description: checksum, thresholds and temperature are its.</param>
/// <param name="Reason">Which precision it is and why, in a sentence; null for a model that has no 8-bit file.</param>
public sealed record ServedModel(string File, ModelDescription Description, string? Reason)
{
    /// <summary>The choice for a folder on this processor.</summary>
    /// <exception cref="InvalidDataException">model.json is not the description of a model.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static ServedModel Of(string folder) =>
        Of(ModelDescription.FromJson(System.IO.File.ReadAllBytes(Path.Combine(folder, ModelFiles.Description))), null);

    /// <summary>The choice for a description.</summary>
    /// <param name="description">Content of model.json.</param>
    /// <param name="speed">What the processor can do; null for this one, which is measured if there is a choice.</param>
    public static ServedModel Of(ModelDescription description, Int8Speed? speed)
    {
        ArgumentNullException.ThrowIfNull(description);
        if (description.EightBit is null)
        {
            return new ServedModel(ModelFiles.Model, description, description.Precision == ModelPrecisions.EightBit ? "It computes with 8 bits." : null);
        }

        speed ??= Int8Speed.Here;
        return !speed.Gains ? Real($"{speed.Sentence}.")
            : !description.OfInt8().IsExactOn(speed) ? Real($"the weights of its 8-bit model have 8 bits, and {speed.Sentence}.")
            : new ServedModel(ModelFiles.EightBit, description.OfInt8(), "It computes with 8 bits.");

        ServedModel Real(string why) => new(ModelFiles.Model, description with { EightBit = null }, $"It computes in float: {why}");
    }

    /// <summary>The precision of the file: one of <see cref="ModelPrecisions"/>.</summary>
    public string Precision => Description.Precision ?? ModelPrecisions.FullPrecision;

    /// <summary>Names of a folder's files that are not those that were written.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="description">Content of its model.json.</param>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static IEnumerable<string> Damages(string folder, ModelDescription description)
    {
        ArgumentNullException.ThrowIfNull(description);
        List<(string File, string Sum)> written = [(ModelFiles.Model, description.ModelSha256)];
        if (description.EightBit is { } int8)
        {
            written.Add((ModelFiles.EightBit, int8.ModelSha256));
        }

        foreach ((string file, string sum) in written)
        {
            using FileStream content = System.IO.File.OpenRead(Path.Combine(folder, file));
            if (Convert.ToHexStringLower(SHA256.HashData(content)) != sum)
            {
                yield return file;
            }
        }
    }
}
