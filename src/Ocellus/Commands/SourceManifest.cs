using System.Buffers;
using System.Text;
using Ocellus.Formats;
using Ocellus.Formats.Writers;
using Ocellus.Refusals;
using Ocellus.Transfer;

namespace Ocellus.Commands;

/// <summary>An image of a source as a line of a manifest.</summary>
/// <param name="Image">The image.</param>
/// <param name="Ref">Its <c>source-ref</c>.</param>
/// <param name="Text">The line.</param>
internal sealed record SourceLine(LabelledImage Image, string Ref, string Text);

/// <summary>A source of any format as lines of manifests, for verbs that read these.</summary>
/// <param name="reader">The source.</param>
internal sealed class SourceManifest(SourceReader reader)
{
    /// <summary>Where no image ever is: the files of a source are found by the source itself.</summary>
    private const string Bucket = "source";

    /// <summary>When the labels were written: unknown, and always the same, so that the same source gives the same lines.</summary>
    private const string Date = "1970-01-01T00:00:00";

    private readonly LabelNumbers _labels = new([]);
    private readonly ArrayBufferWriter<byte> _line = new();

    /// <summary>Images about which nothing is known; they have no line.</summary>
    public int Unlabelled { get; private set; }

    /// <summary>The lines, in the source's order. What has no line is among the findings.</summary>
    /// <exception cref="CommandRefusedException">The source is beyond a limit.</exception>
    /// <exception cref="InvalidDataException">A document is damaged.</exception>
    public IEnumerable<SourceLine> Lines(CancellationToken cancel)
    {
        foreach (var image in reader.Read(cancel))
        {
            if (!image.IsLabelled)
            {
                Unlabelled++;
            }
            else if (image.Width is null && image.Boxes.Count > 0)
            {
                reader.Findings.Error(
                    "size-unknown", image.Place, $"The size of {image.Name} is not known, and its boxes mean nothing without it.",
                    "Put the pictures into the source, or name their folder with --images.");
            }
            else
            {
                var name = $"s3://{ObjectKeys.Of(Bucket, image.Name)}";
                _line.ResetWrittenCount();
                ManifestWriter.Write(_line, image, name, _labels, Date);
                yield return new(image, name, Encoding.UTF8.GetString(_line.WrittenSpan));
            }
        }
    }

    /// <summary>Writes a member of an archive to a file; why it cannot be read, or null.</summary>
    public static string? Unpack(LabelledImage image, string file)
    {
        try
        {
            using var from = image.OpenRead();
            using var to = File.Create(file);
            from.CopyTo(to);
            return null;
        }
        catch (InvalidDataException failure)
        {
            File.Delete(file);
            return failure.Message;
        }
    }
}
