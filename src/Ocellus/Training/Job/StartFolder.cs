using Ocellus.Vision.Inference;
using Ocellus.Vision.Recipes;

namespace Ocellus.Training.Job;

/// <summary>The folder of a finished model that a training goes on from.</summary>
internal static class StartFolder
{
    /// <summary>Reads the model and checks that a training can go on from it.</summary>
    /// <exception cref="StartException">A file is missing or damaged, or not that of a model that Ocellus has trained.</exception>
    public static StartModel Read(string folder)
    {
        try
        {
            var description = ModelDescription.FromJson(File.ReadAllBytes(Path.Combine(folder, ModelFiles.Description)));
            return StartModel.Read(File.ReadAllBytes(Path.Combine(folder, ModelFiles.Model)), description);
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException or InvalidDataException)
        {
            throw new StartException($"The model to go on from cannot be read: {failure.Message}", failure);
        }
    }
}
