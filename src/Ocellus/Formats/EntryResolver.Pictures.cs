using Ocellus.Encodings;
using Ocellus.Formats.Fetching;

namespace Ocellus.Formats;

// The picture of an entry: in the source, elsewhere, or fetched from its address.
internal sealed partial class EntryResolver
{
    private (SourceFile? Picture, string Name) Find(SourceEntry entry)
    {
        if (entry.Picture is not null)
        {
            return (entry.Picture, entry.Picture.Name);
        }

        var (picture, name, rivals) = context.Pictures.Find(entry.Name, entry.Folder, entry.Split);
        if (picture is null && rivals == 0 && entry.AddressOfPicture is { } address)
        {
            return Fetched(entry, name, address);
        }

        if (name.Length == 0)
        {
            context.Findings.Error(
                "leads-out", entry.Place, $"'{Readable.Truncate(entry.Name)}' leads out of the source and was left out.",
                "Name pictures relative to the source, without '..'.");
        }
        else if (rivals > 0)
        {
            context.Findings.Error(
                "ambiguous-picture", entry.Place, $"{rivals} pictures could be '{Readable.Truncate(entry.Name)}'; none was taken.",
                "Name the picture with its folder.");
        }
        else if (picture is null && context.Pictures.Pictures.Count > 0)
        {
            context.Findings.Error(
                "missing-picture", entry.Place, $"The picture '{Readable.Truncate(entry.Name)}' is not there.",
                "Put it into the source, or name the folder of the pictures with --images.");
        }

        return (picture, name);
    }

    /// <summary>A picture that the source does not have, and has an address of.</summary>
    private (SourceFile? Picture, string Name) Fetched(SourceEntry entry, string name, Uri address)
    {
        if (context.Fetched?.Find(address) is { } fetched)
        {
            // An address tells two pictures apart by more than the end of its path. A name of its own is kept, with what the picture is.
            return (fetched, PictureAddress.Of(entry.Name) is not null || name.Length == 0 ? fetched.Name
                : SourceTree.IsImage(name) ? name
                : name + fetched.Extension);
        }

        if (context.Fetched is null)
        {
            context.Findings.Warn(
                "behind-address", entry.Place, $"The picture is at {Readable.Truncate(address.AbsoluteUri)} and was not fetched.",
                "--fetch fetches such pictures.");
        }
        else
        {
            context.Findings.Error(
                "not-fetched", entry.Place,
                $"{Readable.Truncate(address.AbsoluteUri)}: {context.Fetched.Failures.GetValueOrDefault(address.AbsoluteUri, "It was not fetched.")}",
                "The same command tries again what is missing.");
        }

        return (null, name);
    }
}
