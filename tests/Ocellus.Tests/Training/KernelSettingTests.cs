using Microsoft.Extensions.Configuration;
using Ocellus.Training;
using Ocellus.Training.Job;
using Ocellus.Vision.Kernels;

namespace Ocellus.Tests.Training;

public sealed class KernelSettingTests
{
    [Theory]
    [InlineData(null, KernelChoice.Own)]
    [InlineData("own", KernelChoice.Own)]
    [InlineData("libtorch", KernelChoice.Libtorch)]
    public void The_setting_reaches_the_training_process_with_the_jobs_description(string? setting, KernelChoice expected)
    {
        var options = new ConfigurationBuilder().AddInMemoryCollection([new("Kernels", setting)]).Build().Get<TrainingOptions>() ?? new();
        var path = Directory.CreateTempSubdirectory().FullName;
        try
        {
            var folder = new JobFolder(path);
            folder.Write(new JobDescription { ProjectVersionArn = "arn", ProjectName = "p", VersionName = "v", Kernels = options.Kernels });

            Assert.Equal(expected, folder.Read().Kernels);
            // A description of the version before has no such line, and neither has one of the default.
            var written = File.ReadAllText(Path.Combine(path, "job.json"));
            Assert.Equal(expected == KernelChoice.Libtorch, written.Contains("\"kernels\":\"Libtorch\"", StringComparison.Ordinal));
            Assert.Equal(expected == KernelChoice.Libtorch, written.Contains("kernels", StringComparison.OrdinalIgnoreCase));
        }
        finally
        {
            Directory.Delete(path, recursive: true);
        }
    }
}
