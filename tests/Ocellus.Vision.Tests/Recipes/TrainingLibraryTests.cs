using Ocellus.Vision.Recipes;

namespace Ocellus.Vision.Tests.Recipes;

public sealed class TrainingLibraryTests
{
    [Fact]
    public void Libtorch_is_there() => TrainingLibrary.Check();

    [Theory]
    [InlineData("/lib/x86_64-linux-gnu/libstdc++.so.6: version `GLIBCXX_3.4.32' not found", "libstdc++.so.6) is older")]
    [InlineData("libLibTorchSharp.so: cannot open shared object file", "must be beside the program")]
    public void A_library_that_does_not_load_is_explained_by_what_the_loader_said(string loader, string advice)
    {
        var failure = new TypeInitializationException(
            "TorchSharp.torch", new NotSupportedException("consider referencing libtorch-cpu", new DllNotFoundException(loader)));

        string message = TrainingLibrary.Explain(failure);

        Assert.Contains(advice, message, StringComparison.Ordinal);
        Assert.Contains("GLIBCXX_3.4.32", message, StringComparison.Ordinal);
        Assert.EndsWith(loader, message, StringComparison.Ordinal);
        Assert.DoesNotContain("consider referencing", message, StringComparison.Ordinal);
    }
}
