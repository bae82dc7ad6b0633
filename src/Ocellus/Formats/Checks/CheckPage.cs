using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Ocellus.Vision.Images;

namespace Ocellus.Formats.Checks;

/// <summary>The report of a check as one HTML file with its pictures: no script, nothing that is fetched, and a policy that forbids both.</summary>
internal static class CheckPage
{
    private const int ThumbnailSide = 240;

    /// <summary>Pairs and suspects that are shown; each takes some 20 KB.</summary>
    private const int ShownMax = 40;

    private const string Style = """
        :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
        body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
        table { border-collapse: collapse; } td, th { padding: .2rem .8rem .2rem 0; text-align: left; }
        td.n { text-align: right; font-variant-numeric: tabular-nums; }
        ul.cards { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 1rem; } ul.cards li { width: 15rem; overflow-wrap: anywhere; }
        ul.cards li.pair { width: 31rem; } svg { max-width: 15rem; height: auto; border-radius: 4px; }
        .error { color: #b3261e; } .warning { color: #8a5a00; } @media (prefers-color-scheme: dark) { .error { color: #ff8a80; } .warning { color: #ffc766; } }
        """;

    /// <summary>Writes the page.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(string path, string title, CheckReport report)
    {
        var html = new StringBuilder();
        var hash = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Style)));
        html.Append(CultureInfo.InvariantCulture, $"""
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'sha256-{hash}'">
            <title>Check of {Text(title)}</title><style>{Style}</style></head><body>
            <h1>Check of {Text(title)}</h1>

            """);
        Counts(html, report);
        Findings(html, report);
        Suspects(html, report);
        Pairs(html, report);
        html.Append("</body></html>\n");
        File.WriteAllText(path, html.ToString());
    }

    private static void Counts(StringBuilder html, CheckReport report)
    {
        var counts = report.Counts;
        html.Append(CultureInfo.InvariantCulture,
            $"<p>{counts.Images.Values.Sum():N0} images, {counts.Boxes:N0} boxes, {counts.Unlabelled:N0} images without a label.</p>\n")
            .Append("<h2>Labels</h2>\n<table><tr><th>Label</th><th>For</th><th>Images</th><th>Boxes</th></tr>\n");
        foreach (var label in counts.Labels)
        {
            html.Append(
                CultureInfo.InvariantCulture,
                $"<tr><td>{Text(label.Label)}</td><td>{SplitName(label.Split)}</td>"
                    + $"<td class=\"n\">{label.Images:N0}</td><td class=\"n\">{label.Boxes:N0}</td></tr>\n");
        }

        html.Append("</table>\n");
    }

    private static void Findings(StringBuilder html, CheckReport report)
    {
        html.Append("<h2>Findings</h2>\n");
        var groups = report.Findings.Groups;
        html.Append(groups.Count == 0 ? "<p>None.</p>\n" : "");
        foreach (var group in groups)
        {
            var severity = group.Severity == Severity.Error ? "error" : "warning";
            html.Append(
                CultureInfo.InvariantCulture,
                $"<h3><span class=\"{severity}\">{severity}</span> {group.Code}, {(group.Count == 1 ? "once" : $"{group.Count:N0} times")}</h3>"
                    + $"<p>{Text(group.First[0].Remedy)}</p><ul>\n");
            foreach (var finding in group.First)
            {
                html.Append(CultureInfo.InvariantCulture, $"<li><code>{Text(finding.Place.ToString())}</code> {Text(finding.Words)}</li>\n");
            }

            html.Append(group.Count > group.First.Count
                ? string.Create(CultureInfo.InvariantCulture, $"<li>and {group.Count - group.First.Count:N0} more</li>\n") : "").Append("</ul>\n");
        }
    }

    private static void Suspects(StringBuilder html, CheckReport report)
    {
        if (report.Suspects.Count == 0)
        {
            return;
        }

        html.Append("<h2>Labels that look wrong</h2>\n<p>The least likely first. Not all of them are wrong.</p>\n<ul class=\"cards\">\n");
        foreach (var s in report.Suspects.Take(ShownMax))
        {
            html.Append(
                CultureInfo.InvariantCulture,
                $"<li>{Picture(s.Image, s.Box)}<br>{Text(s.Image.Name)}<br>labelled <b>{Text(s.Label)}</b> ({s.Score:0 %}), "
                    + $"looks like <b>{Text(s.Likelier)}</b> ({s.LikelierScore:0 %})</li>\n");
        }

        html.Append("</ul>\n");
    }

    private static void Pairs(StringBuilder html, CheckReport report)
    {
        if (report.Same.Count == 0)
        {
            return;
        }

        html.Append("<h2>Pictures of the same</h2>\n")
            .Append("<p>Pairs across training and test first: they make a test look better than it is.</p>\n<ul class=\"cards\">\n");
        foreach (var pair in report.Same.Take(ShownMax))
        {
            var how = pair.IsExact ? "the same file" : pair.IsMirrored ? "mirrored"
                : string.Create(CultureInfo.InvariantCulture, $"similarity {pair.Similarity:0.000}");
            html.Append(
                CultureInfo.InvariantCulture,
                $"<li class=\"pair\">{Picture(pair.First, null)} {Picture(pair.Other, null)}<br>{Text(pair.First.Name)} ({SplitName(pair.First.Split)}) and "
                    + $"{Text(pair.Other.Name)} ({SplitName(pair.Other.Split)}): {how}</li>\n");
        }

        html.Append("</ul>\n");
    }

    /// <summary>A picture in the page, with its box.</summary>
    private static string Picture(LabelledImage image, ImageBox? box)
    {
        try
        {
            using var copy = new MemoryStream();
            using (var stream = image.OpenRead())
            {
                stream.CopyTo(copy);
            }

            var bytes = copy.ToArray();
            var header = ImageDecoder.ReadHeader(bytes);
            var (width, height) = (header.UprightWidth, header.UprightHeight);
            var data = Convert.ToBase64String(Thumbnail.Webp(bytes, ThumbnailSide));
            var line = Math.Max(width, height) / 80.0;
            var frame = box is not { } b ? "" : string.Create(
                CultureInfo.InvariantCulture,
                $"<rect x=\"{b.Left:0.##}\" y=\"{b.Top:0.##}\" width=\"{b.Width:0.##}\" height=\"{b.Height:0.##}\" "
                    + $"fill=\"none\" stroke=\"#ff3b30\" stroke-width=\"{line:0.##}\"/>");
            var scale = Math.Min(1, ThumbnailSide / (double)Math.Max(width, height));
            return string.Create(
                CultureInfo.InvariantCulture,
                $"<svg role=\"img\" aria-label=\"{Text(image.Name)}\" viewBox=\"0 0 {width} {height}\" "
                    + $"width=\"{width * scale:0}\" height=\"{height * scale:0}\">"
                    + $"<image href=\"data:image/webp;base64,{data}\" width=\"{width}\" height=\"{height}\"/>{frame}</svg>");
        }
        catch (Exception failure) when (failure is ImageRefusedException or IOException or InvalidDataException or UnauthorizedAccessException)
        {
            return "(no picture)";
        }
    }

    private static string SplitName(Split split) => split == Split.None ? "train" : split.Name();

    private static string Text(string text) => WebUtility.HtmlEncode(text);
}
