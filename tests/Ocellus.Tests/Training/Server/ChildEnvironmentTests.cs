using System.Diagnostics;
using Ocellus.Training.Server;

namespace Ocellus.Tests.Training.Server;

public sealed class ChildEnvironmentTests
{
    [Fact]
    public void A_process_that_is_started_is_told_what_the_runtime_reads_and_no_secret()
    {
        var start = new ProcessStartInfo("dotnet");
        string[] told = ["PATH", "HOME", "LC_ALL", "TMPDIR", "DOTNET_ROOT", "OMP_NUM_THREADS", "LD_LIBRARY_PATH", "ORT_DISABLE_TELEMETRY"];
        string[] kept =
        [
            "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "Ocellus__S3__SecretKey", "Ocellus__S3__AccessKey", "DATABASE_URL", "GITHUB_TOKEN", "PGPASSWORD",
            "TORCH_HUB_TOKEN", "DOTNET_SECRET", "SSH_AUTH_SOCK",
        ];
        foreach (var name in told.Concat(kept))
        {
            start.Environment[name] = "1";
        }

        ChildEnvironment.Restrict(start);

        Assert.DoesNotContain(kept, start.Environment.ContainsKey);
        Assert.DoesNotContain(told, n => !start.Environment.ContainsKey(n));
    }
}
