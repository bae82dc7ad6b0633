namespace Ocellus.Formats.Writers;

/// <summary>Writes labelled images in one format into a folder. One image at a time; nothing but names and labels is held.</summary>
internal interface IDatasetWriter : IDisposable
{
    /// <summary>Where the picture of an image belongs, relative to the folder, with slashes. Each image has a place of its own.</summary>
    /// <exception cref="Refusals.CommandRefusedException">The format cannot hold what the image has, and says which can.</exception>
    string PlaceOf(LabelledImage image);

    /// <summary>Writes what is known about an image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="place">From <see cref="PlaceOf"/>.</param>
    void Write(LabelledImage image, string place);

    /// <summary>Completes the files.</summary>
    void Finish();
}
