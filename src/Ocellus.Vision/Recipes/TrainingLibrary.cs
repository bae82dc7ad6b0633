using static TorchSharp.torch;

namespace Ocellus.Vision.Recipes;

/// <summary>libtorch, which only training needs.</summary>
public static class TrainingLibrary
{
    private static readonly string[] _files = ["libtorch_cpu.so", "libtorch_cpu.dylib", "torch_cpu.dll"];

    /// <summary>Why nothing can be trained with an installation that leaves libtorch out.</summary>
    public const string NotInstalled = "This installation serves models and cannot train: it has no libtorch. Train with a full installation of Ocellus.";

    /// <summary>Whether libtorch's files are there. A release that only serves leaves them out: they are two thirds of its size.</summary>
    public static bool IsInstalled { get; } = Array.Exists(_files, file => File.Exists(Path.Combine(AppContext.BaseDirectory, file)));

    /// <summary>Loads libtorch and computes something with it.</summary>
    /// <exception cref="TrainingLibraryException">It cannot be loaded; the message says why and what to do.</exception>
    public static void Check()
    {
        if (!IsInstalled)
        {
            throw new TrainingLibraryException(NotInstalled, null);
        }

        try
        {
            using var scope = NewDisposeScope();
            Tensor two = ones(2).sum();
            if (two.item<float>() != 2)
            {
                throw new TrainingLibraryException("libtorch is loaded, but 1 + 1 is not 2 there: the installation is damaged. Rebuild Ocellus.", null);
            }
        }
        catch (Exception failure) when (failure is not (TrainingLibraryException or OutOfMemoryException))
        {
            throw new TrainingLibraryException(Explain(failure), failure);
        }
    }

    /// <summary>
    /// TorchSharp's own message advises referencing a package that is already referenced. The loader's, further inside, names the
    /// missing symbol version or file.
    /// </summary>
    internal static string Explain(Exception failure)
    {
        var messages = new List<string>();
        for (Exception? e = failure; e is not null; e = e.InnerException)
        {
            messages.Add(e.Message);
        }

        string all = string.Join(' ', messages);
        string advice =
            all.Contains("GLIBCXX", StringComparison.Ordinal) || all.Contains("libstdc++", StringComparison.Ordinal)
                ? "The C++ library of this system (libstdc++.so.6) is older than libtorch requires (GLIBCXX_3.4.32, GCC 13). The build of Ocellus relaxes "
                    + "that requirement in libLibTorchSharp.so: build it on this machine with ./ocellus, or install a newer libstdc++ (Debian 13, Ubuntu "
                    + "24.04)."
                : all.Contains("GLIBC_", StringComparison.Ordinal)
                    ? "The C library of this system (glibc) is older than libtorch requires. A newer system is needed: Debian 12, Ubuntu 22.04 or later."
                    : "Its native files (libLibTorchSharp, libtorch_cpu, libc10) must be beside the program, for this operating system and processor. If they "
                        + "are, libstdc++.so.6 may be missing or older than GLIBCXX_3.4.32: install libstdc++6 (Debian, Ubuntu) or libstdc++ (Fedora), "
                        + "then rebuild Ocellus.";
        return $"libtorch cannot be loaded, so nothing can be trained; running models do not need it. {advice} The loader said: {messages[^1]}";
    }
}

/// <summary>libtorch cannot be used on this machine; the message says why and what to do.</summary>
public sealed class TrainingLibraryException(string message, Exception? inner) : Exception(message, inner);
