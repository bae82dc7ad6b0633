using System.Text.Encodings.Web;
using System.Text.Json;

namespace Ocellus.Formats.Writers;

/// <summary>
/// COCO: a file of annotations for each split, which name pictures relative to the folder of the split. An annotation without a box is a label of the image.
/// Images and annotations are two arrays, so the annotations wait in a file of their own.
/// </summary>
internal sealed class CocoWriter(string folder, IEnumerable<string> labels) : IDatasetWriter
{
    private const string Annotations = "annotations";

    private readonly OutputNames _names = new(isByStem: false);
    private readonly LabelNumbers _numbers = new(labels);
    private readonly Dictionary<Split, Part> _parts = [];

    public bool NeedsSizes => false;

    public string? PlaceOf(LabelledImage image) => _names.Unique(FolderOf(image.Split), image.Name);

    public void Write(LabelledImage image, string place)
    {
        if (!_parts.TryGetValue(image.Split, out var part))
        {
            Directory.CreateDirectory(Path.Combine(folder, Annotations));
            _parts.Add(image.Split,
                part = new Part(Path.Combine(folder, Annotations, $"instances_{(image.Split == Split.None ? "default" : image.Split.Name())}.json")));
        }

        part.Write(image, place[(FolderOf(image.Split).Length + 1)..], _numbers);
    }

    public void Finish()
    {
        foreach (var part in _parts.Values)
        {
            part.Finish(_numbers.Names);
        }
    }

    public void Dispose()
    {
        foreach (var part in _parts.Values)
        {
            part.Dispose();
        }
    }

    private static string FolderOf(Split split) => split == Split.None ? "images" : split.Name();

    /// <summary>The file of one split.</summary>
    private sealed class Part : IDisposable
    {
        private const int FlushBytes = 1 << 16;

        private static readonly JsonWriterOptions _plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

        private readonly FileStream _file, _waiting;
        private readonly Utf8JsonWriter _images, _annotations;
        private long _image, _annotation;

        public Part(string path)
        {
            _file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, FlushBytes);
            _waiting = new FileStream(path + ".annotations", FileMode.Create, FileAccess.ReadWrite, FileShare.None, FlushBytes, FileOptions.DeleteOnClose);
            _images = new Utf8JsonWriter(_file, _plain);
            _annotations = new Utf8JsonWriter(_waiting, _plain);
            _images.WriteStartObject();
            _images.WriteStartArray("images");
            _annotations.WriteStartArray();
        }

        public void Write(LabelledImage image, string name, LabelNumbers numbers)
        {
            _images.WriteStartObject();
            _images.WriteNumber("id", ++_image);
            _images.WriteString("file_name", name);
            _images.WriteNumber("width", image.Width ?? 0);
            _images.WriteNumber("height", image.Height ?? 0);
            _images.WriteEndObject();
            foreach (var box in image.Boxes)
            {
                Begin(numbers.Of(box.Label));
                _annotations.WriteStartArray("bbox");
                foreach (var number in (ReadOnlySpan<double>)[box.Left, box.Top, box.Width, box.Height])
                {
                    _annotations.WriteNumberValue(Math.Round(number, 4));
                }

                _annotations.WriteEndArray();
                _annotations.WriteNumber("area", Math.Round(box.Width * box.Height, 4));
                _annotations.WriteNumber("iscrowd", 0);
                _annotations.WriteEndObject();
            }

            foreach (var label in image.Labels)
            {
                Begin(numbers.Of(label));
                _annotations.WriteEndObject();
            }

            if (_images.BytesPending + _annotations.BytesPending > FlushBytes)
            {
                _images.Flush();
                _annotations.Flush();
            }
        }

        public void Finish(IReadOnlyList<string> labels)
        {
            _images.WriteEndArray();
            _images.WriteStartArray("categories");
            for (var i = 0; i < labels.Count; i++)
            {
                _images.WriteStartObject();
                _images.WriteNumber("id", i + 1);
                _images.WriteString("name", labels[i]);
                _images.WriteEndObject();
            }

            _images.WriteEndArray();
            _images.Flush();
            _annotations.WriteEndArray();
            _annotations.Flush();
            _file.Write(",\"annotations\":"u8);
            _waiting.Position = 0;
            _waiting.CopyTo(_file);
            _file.Write("}\n"u8);
            _file.Flush();
        }

        public void Dispose()
        {
            // Undone when the file is not complete, so neither writer may complain of it.
            _file.Dispose();
            _waiting.Dispose();
        }

        private void Begin(int category)
        {
            _annotations.WriteStartObject();
            _annotations.WriteNumber("id", ++_annotation);
            _annotations.WriteNumber("image_id", _image);
            _annotations.WriteNumber("category_id", category + 1);
        }
    }
}
