using System.Globalization;
using Ocellus.Training.Job;
using Ocellus.Vision.Images;

namespace Ocellus.Commands;

/// <summary>Copies of images that a training cannot take as they are: other formats than JPEG and PNG, and more pixels than 4,096 a side.</summary>
internal static class LocalCopies
{
    /// <summary>How much of a file is looked at to see what it is; the size of a JPEG may stand behind long descriptions.</summary>
    private const int HeadBytes = 1 << 18;

    /// <summary>
    /// The path of the image to train with: its own file, or a copy in the job's folder, which goes with it. What cannot be read at all is left as it is: the
    /// training says so for its line.
    /// </summary>
    /// <param name="file">The image.</param>
    /// <param name="folder">Of the training.</param>
    /// <param name="number">A number that no other image of this training has.</param>
    public static string Use(string file, JobFolder folder, int number)
    {
        try
        {
            if (new FileInfo(file).Length == 0)
            {
                // Empty, or a pipe, which would be waited for.
                return file;
            }

            using (var stream = File.OpenRead(file))
            {
                var head = new byte[Math.Min(HeadBytes, stream.Length)];
                stream.ReadExactly(head);
                if (!LocalImage.NeedsCopy(head))
                {
                    return file;
                }
            }

            var copy = LocalImage.Read(file);
            Directory.CreateDirectory(folder.Images);
            var path = Path.Combine(folder.Images, string.Create(CultureInfo.InvariantCulture, $"{number:D6}"));
            File.WriteAllBytes(path, copy);
            return path;
        }
        catch (ImageRefusedException)
        {
            return file;
        }
    }
}
