using System.Globalization;
using Ocellus.Refusals;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace Ocellus.Formats.Readers;

/// <summary>What <c>data.yaml</c> says, or a plain list of classes: names, and which pictures are for what.</summary>
internal sealed class YoloDescription
{
    private const int DepthMax = 16;

    /// <summary>A description of a thousand classes has 20 KB.</summary>
    private const int BytesMax = 4 << 20;

    private readonly Dictionary<int, string> _names = [];
    private readonly List<(Split Split, string Path)> _places = [];
    private string _folder = "", _base = "";

    /// <summary>Names by class; a class without a name has an empty one.</summary>
    public IReadOnlyList<string> Names => [.. Enumerable.Range(0, _names.Count == 0 ? 0 : _names.Keys.Max() + 1).Select(i => _names.GetValueOrDefault(i, ""))];

    /// <summary>A box is followed by keypoints.</summary>
    public bool HasKeypoints { get; private set; }

    /// <exception cref="CommandRefusedException">No names, or no YAML.</exception>
    public static YoloDescription Read(ReadContext context)
    {
        var description = new YoloDescription();
        var file = context.Files.OrderBy(f => f.Name.Count(c => c == '/')).FirstOrDefault(f => f.Extension is ".yaml" or ".yml");
        if (file is not null)
        {
            description._folder = file.Folder;
            description.Take(Mapping(file, context.Limits), file);
        }
        else if (context.All.FirstOrDefault(f => f.BaseName.ToLowerInvariant() is "classes.txt" or "obj.names" or "_darknet.labels") is { } list)
        {
            foreach (var (_, text) in SourceText.Lines(list, context.Limits).Where(l => l.Text.Trim().Length > 0))
            {
                description._names.Add(description._names.Count, text.Trim());
            }
        }

        return description._names.Count > 0 ? description : throw new CommandRefusedException(
            $"These are YOLO labels, but nothing names their classes. Add {(file is null ? "data.yaml" : $"names to {file.Name}")}, "
                + "such as `names: [ripe, unripe]`, or classes.txt with a name a line.");
    }

    /// <summary>The name of a class; null if it has none.</summary>
    public string? NameOf(double number) =>
        number >= 0 && number <= int.MaxValue && Math.Floor(number) == number && _names.TryGetValue((int)number, out var name) && name.Length > 0 ? name : null;

    /// <summary>The pictures of each split; without a list, all pictures, by their folders.</summary>
    public IEnumerable<(SourceFile Picture, Split Split)> Pictures(ReadContext context)
    {
        var any = false;
        // Training does not start without 'val', which is often one of the others again.
        foreach (var (split, path) in _places.OrderBy(p => p.Split == Split.Validation).DistinctBy(p => p.Path))
        {
            foreach (var picture in At(context, path))
            {
                any = true;
                yield return (picture, split);
            }
        }

        if (any)
        {
            yield break;
        }

        foreach (var picture in context.Pictures.Pictures)
        {
            yield return (picture, SplitNames.OfPath(picture.Name));
        }
    }

    private List<SourceFile> At(ReadContext context, string path)
    {
        var (files, pictures) = (context.All, context.Pictures.Pictures);
        var inner = string.Join('/', path.Replace('\\', '/').Split('/').SkipWhile(p => p is ".." or "."));
        foreach (var folder in new[] { SourceTree.Normalize(_folder, $"{_base}/{path}"), SourceTree.Normalize(_folder, path),
            SourceTree.Normalize(_folder, inner) })
        {
            if (folder is null)
            {
                continue;
            }

            if (folder.EndsWith(".txt", StringComparison.OrdinalIgnoreCase) && files.FirstOrDefault(f => f.Name == folder) is { } list)
            {
                return [.. SourceText.Lines(list, context.Limits).Where(l => l.Text.Trim().Length > 0).Select(l => Listed(context, list, l))
                    .OfType<SourceFile>()];
            }

            if (pictures.Where(p => folder.Length == 0 || p.Name.StartsWith(folder + "/", StringComparison.Ordinal)).ToList() is { Count: > 0 } found)
            {
                return found;
            }
        }

        context.Findings.Error(
            "no-pictures", new(context.Files.Count > 0 ? context.Files[0].Name : path), $"'{path}' has no pictures in the source.",
            "Correct the path; it is relative to the file that names it.");
        return [];
    }

    private static SourceFile? Listed(ReadContext context, SourceFile list, (int Number, string Text) line)
    {
        var (found, name, rivals) = context.Pictures.Find(line.Text, list.Folder, Split.None);
        if (found is null)
        {
            context.Findings.Error(
                rivals > 0 ? "ambiguous-picture" : "missing-picture", new(list.Name, line.Number),
                $"The picture '{(name.Length > 0 ? name : line.Text.Trim())}' is not there{(rivals > 0 ? " once" : "")}.", "Put it into the source.");
        }

        return found;
    }

    private void Take(YamlMappingNode map, SourceFile file)
    {
        foreach (var (key, value) in map.Children.Where(c => c.Key is YamlScalarNode).Select(c => (((YamlScalarNode)c.Key).Value, c.Value)))
        {
            switch (key)
            {
                case "names" when value is YamlSequenceNode list:
                    foreach (var name in list.Children)
                    {
                        _names.Add(_names.Count, Text(name));
                    }

                    break;
                case "names" when value is YamlMappingNode named:
                    foreach (var (number, name) in named.Children)
                    {
                        if (!int.TryParse(Text(number), NumberStyles.None, CultureInfo.InvariantCulture, out var at) || at > 100_000)
                        {
                            throw new CommandRefusedException($"{file.Name}: '{Text(number)}' under names is no class; a class is a whole number from 0.");
                        }

                        _names[at] = Text(name);
                    }

                    break;
                case "path":
                    _base = Text(value);
                    break;
                case "kpt_shape":
                    HasKeypoints = true;
                    break;
                case "train" or "val" or "valid" or "test":
                    _places.AddRange((value is YamlSequenceNode several ? several.Children : [value]).Select(Text).Where(p => p.Length > 0)
                        .Select(p => (SplitNames.Of(key)!.Value, p)));
                    break;
                default:
                    break;
            }
        }
    }

    private static string Text(YamlNode node) => (node as YamlScalarNode)?.Value?.Trim() ?? "";

    private static YamlMappingNode Mapping(SourceFile file, SourceLimits limits)
    {
        if (file.Length > BytesMax)
        {
            throw new CommandRefusedException($"{file.Name} has {file.Length:N0} bytes, too many for a description of classes.");
        }

        var text = SourceText.ReadAll(file, limits);
        try
        {
            // The library builds its tree by recursion; the events before it do not.
            var events = new Parser(new StringReader(text));
            for (var depth = 0; events.MoveNext();)
            {
                depth += events.Current switch { MappingStart or SequenceStart => 1, MappingEnd or SequenceEnd => -1, _ => 0 };
                if (depth > DepthMax)
                {
                    throw new CommandRefusedException($"{file.Name} is nested more than {DepthMax} levels deep.");
                }
            }

            var yaml = new YamlStream();
            yaml.Load(new StringReader(text));
            return yaml.Documents.Count > 0 && yaml.Documents[0].RootNode is YamlMappingNode map
                ? map
                : throw new CommandRefusedException($"{file.Name} is no description of a YOLO data set: it has no names.");
        }
        catch (YamlException failure)
        {
            throw new CommandRefusedException($"{file.Name}:{failure.Start.Line} is not valid YAML. {failure.Message}");
        }
    }
}
