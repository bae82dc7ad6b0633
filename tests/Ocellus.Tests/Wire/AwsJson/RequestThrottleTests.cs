using System.Runtime.CompilerServices;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Ocellus.Hosting;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Tags;
using Ocellus.Tests.Identity;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tests.Wire.AwsJson;

public sealed class RequestThrottleTests
{
    private static readonly Caller Ann = new("123456789012", "us-east-1", "ann", "AKIA1");

    /// <summary>An operation that is looked at and not called.</summary>
    private static T Uncalled<T>()
        where T : IOperation => (T)RuntimeHelpers.GetUninitializedObject(typeof(T));

    [Fact]
    public void Each_account_region_and_operation_has_a_second_s_worth_of_its_own()
    {
        using var throttle = new RequestThrottle(
            Options.Create(new ThrottlingOptions { Enabled = true, OthersPerSecond = 3, TagsPerSecond = 2, DetectPerSecond = 4 }));

        // Tokens may come back while the test runs, so more may be taken than the bucket holds, but never fewer.
        Assert.InRange(TakenOf(20, Ann, Uncalled<DescribeProjects>()), 3, 19);
        Assert.InRange(TakenOf(20, Ann, Uncalled<TagResource>()), 2, 19);
        Assert.InRange(TakenOf(20, Ann, Uncalled<DetectCustomLabels>()), 4, 19);
        Assert.Equal(3, TakenOf(3, Ann with { AccountId = "111122223333" }, Uncalled<DescribeProjects>()));
        Assert.Equal(3, TakenOf(3, Ann with { Region = "eu-west-1" }, Uncalled<DescribeProjects>()));
        Assert.Equal(3, TakenOf(3, Ann, Uncalled<CreateProject>()));

        int TakenOf(int times, Caller caller, IOperation operation) => Enumerable.Range(0, times).Count(_ =>
        {
            try
            {
                throttle.Require(caller, operation);
                return true;
            }
            catch (RefusedException refusal)
            {
                Assert.Equal(RefusalKind.Throttled, refusal.Kind);
                Assert.Contains(operation.Name, refusal.Message, StringComparison.Ordinal);
                return false;
            }
        });
    }

    [Fact]
    public void Nothing_is_counted_unless_it_is_switched_on()
    {
        using var throttle = new RequestThrottle(Options.Create(new ThrottlingOptions { OthersPerSecond = 1 }));

        for (var i = 0; i < 100; i++)
        {
            throttle.Require(Ann, Uncalled<DescribeProjects>());
        }
    }

    [Fact]
    public async Task Beyond_the_rate_a_request_is_refused_with_nothing_done_and_taken_again_later()
    {
        await using var server = await TestServer.StartAsync();
        var options = server.Services.GetRequiredService<IOptions<ThrottlingOptions>>().Value;
        (options.Enabled, options.OthersPerSecond) = (true, 2);

        var answers = new List<ApiAnswer>();
        for (var i = 0; i < 30; i++)
        {
            answers.Add(await server.CallAsync("CreateProject", $$"""{"ProjectName":"p{{i}}"}"""));
        }

        var refused = answers.Where(a => a.Status != 200).ToList();
        Assert.NotEmpty(refused);
        Assert.All(refused, a => Assert.Equal((500, "ThrottlingException"), (a.Status, a.Error)));
        var listed = await server.CallAsync("DescribeProjects", "{}");
        Assert.Equal(answers.Count - refused.Count, listed.Body.GetProperty("ProjectDescriptions").GetArrayLength());

        await Task.Delay(TimeSpan.FromSeconds(1.5), TestContext.Current.CancellationToken);
        Assert.Equal(200, (await server.CallAsync("CreateProject", """{"ProjectName":"later"}""")).Status);
    }
}
