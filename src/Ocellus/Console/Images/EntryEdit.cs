using Ocellus.Datasets;
using Ocellus.Datasets.Manifests;
using Ocellus.Refusals;
using Ocellus.Vision.Images;

namespace Ocellus.Console.Images;

/// <summary>What a person's change makes of a stored entry.</summary>
internal sealed class EntryEdit
{
    private const int LabelLengthMax = 256;
    private const int BoxesMax = 50;

    private readonly StoredEntry _entry;
    private readonly ImageEdit _edit;
    private readonly bool _isEmpty;

    /// <param name="entry">As stored.</param>
    /// <param name="edit">The change.</param>
    /// <param name="header">Of the image; null if it cannot be read.</param>
    /// <param name="time">Of the change.</param>
    public EntryEdit(StoredEntry entry, ImageEdit edit, ImageHeader? header, DateTimeOffset time)
    {
        (_entry, _edit) = (entry, edit);
        var before = LineLabels.Parse(entry.Entry);
        var stored = LineLabels.Read(before, header);
        _isEmpty = stored.IsEmpty;
        if (edit.Now is null)
        {
            if (edit.Marks?.Approved is true && LineLabels.Approve(entry.Entry) is var approved && approved != entry.Entry)
            {
                Line = LineLabels.Parse(approved);
            }

            return;
        }

        var (was, now) = (Whole(edit.Was ?? new(), stored), Whole(edit.Now, stored));
        var wanted = edit.Revision == entry.Revision ? now : ImageLabels.Merge(was, now, stored, edit.Single);
        if (wanted is null)
        {
            (Outcome, Reason) = (EditOutcome.Conflict, "Someone else changed the same labels of this image.");
            return;
        }

        if (edit.Revision != entry.Revision && !wanted.Matches(now))
        {
            Outcome = EditOutcome.Merged;
        }

        if (Fault(wanted, stored, header) is { } fault)
        {
            (Outcome, Reason) = (EditOutcome.Refused, fault);
            return;
        }

        _isEmpty = wanted.IsEmpty;
        if (wanted.Matches(stored))
        {
            return;
        }

        try
        {
            Line = Checked(before, LineLabels.Write(entry.Entry, wanted, header, edit.ByEye, time));
        }
        catch (RefusedException refused)
        {
            (Outcome, Reason) = (EditOutcome.Refused, refused.Message);
        }
    }

    /// <summary>One of <see cref="EditOutcome"/>.</summary>
    public string Outcome { get; private set; } = EditOutcome.Kept;

    /// <summary>Why it is not stored.</summary>
    public string? Reason { get; }

    /// <summary>The line to store; null if it stays.</summary>
    public ParsedLine? Line { get; }

    /// <summary>The image's marks after the change. An image with labels is not one with nothing to label.</summary>
    public Marks MarksAfter(Marks before) => new(
        _edit.Marks?.Unsure ?? before.Unsure, _edit.Marks?.Approved ?? before.Approved, _isEmpty && (_edit.Marks?.Nothing ?? before.Nothing is true));

    /// <summary>Stores the line and the marks, as far as they change.</summary>
    /// <returns>Both as they are then.</returns>
    public async Task<(StoredEntry Entry, Marks Marks)> StoreAsync(EntryChanges open, string projectArn, Marks before, CancellationToken cancel)
    {
        var entry = Line is { } line ? await open.ReplaceAsync(_entry, line, cancel) : _entry;
        var marks = MarksAfter(before);
        if (marks != before)
        {
            await ImageMarks.WriteAsync(open, projectArn, entry.SourceRef, marks);
        }

        return (entry, marks);
    }

    /// <summary>What is not sent is not changed.</summary>
    private static ImageLabels Whole(SentLabels sent, ImageLabels stored) => new(sent.Labels ?? stored.Labels, sent.Boxes ?? stored.Boxes);

    private static string? Fault(ImageLabels wanted, ImageLabels stored, ImageHeader? header)
    {
        var labels = wanted.Labels.Concat(wanted.Boxes.Select(b => b.Label));
        if (labels.FirstOrDefault(l => l.Length is 0 or > LabelLengthMax) is { } label)
        {
            return $"A label has 1 to {LabelLengthMax} characters; received {label.Length}.";
        }

        if (wanted.Boxes.Count > BoxesMax && wanted.Boxes.Count > stored.Boxes.Count)
        {
            return $"An image has at most {BoxesMax} boxes; received {wanted.Boxes.Count}.";
        }

        // Boxes that were outside before may stay: they are shown as errors.
        var outside = wanted.Boxes.FirstOrDefault(
            b => !stored.Boxes.Contains(b) && (b.Left < 0 || b.Top < 0 || b.Width < 1 || b.Height < 1
                || (header is { } image && (b.Left + (long)b.Width > image.UprightWidth || b.Top + (long)b.Height > image.UprightHeight))));
        return outside is null ? null
            : $"A box of {outside.Width}×{outside.Height} pixels at {outside.Left}, {outside.Top} is not inside the image"
                + (header is { } size ? $" of {size.UprightWidth}×{size.UprightHeight} pixels." : ".");
    }

    /// <summary>The new line, if it has no error that the old one did not have.</summary>
    private static ParsedLine Checked(ParsedLine before, string text)
    {
        if (text.Length > ManifestReader.LineLengthMax)
        {
            throw Refused.Invalid($"The image's line would have {text.Length} characters; it may have {ManifestReader.LineLengthMax}.");
        }

        var line = LineLabels.Parse(text);
        var added = line.Issues.FirstOrDefault(i => !i.IsWarning && !before.Issues.Any(b => b.Code == i.Code));
        return added is null ? line : throw Refused.Invalid(added.Message);
    }
}
